import assert from 'node:assert/strict'
import test from 'node:test'
import { cpuStatFiles, parseCpuStat } from '../../../sidecar/cpu-throttling.ts'

test('cpu.stat of cgroup version 2 counts microseconds', () => {
  const content =
    'usage_usec 99\nuser_usec 1\nnr_periods 50\nnr_throttled 12\nthrottled_usec 900000\n'

  assert.deepEqual(parseCpuStat(content), { periods: 12, seconds: 0.9 })
})

test('cpu.stat of cgroup version 1 counts nanoseconds', () => {
  const content = 'nr_periods 50\nnr_throttled 12\nthrottled_time 900000000\n'

  assert.deepEqual(parseCpuStat(content), { periods: 12, seconds: 0.9 })
})

test('the root cgroup and a missing file tell nothing', () => {
  assert.equal(parseCpuStat('usage_usec 99\nuser_usec 1\nsystem_usec 98\n'), undefined)
  assert.equal(parseCpuStat(''), undefined)
})

test('cgroup version 2: the own group is asked first, then the root of the mount', () => {
  assert.deepEqual(cpuStatFiles('0::/kubepods/pod1/a\n'), [
    '/sys/fs/cgroup/kubepods/pod1/a/cpu.stat',
    '/sys/fs/cgroup/cpu.stat',
  ])
  assert.deepEqual(cpuStatFiles('0::/\n'), ['/sys/fs/cgroup/cpu.stat'])
})

test('cgroup version 1: the controller may share its mount', () => {
  const cgroups = '5:cpuset:/x\n4:cpu,cpuacct:/kubepods/pod1\n0::/x\n'

  assert.deepEqual(cpuStatFiles(cgroups).slice(0, 2), [
    '/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1/cpu.stat',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.stat',
  ])
})
