import assert from 'node:assert/strict'
import test from 'node:test'
import type { Link } from '../../../../sidecar/engine/ring/link-messages.ts'
import {
  InterfaceChooser,
  readExpressions,
  type InterfaceRules,
} from '../../../../sidecar/interfaces/choose-interfaces.ts'

const NO_RULES: InterfaceRules = { names: [], include: [], exclude: [], any: false }

let indexes = 0

function link(name: string, fields: Partial<Link> = {}): Link {
  return { index: ++indexes, name, hardwareType: 1, isUp: true, isLoopback: false, ...fields }
}

const LO = link('lo', { hardwareType: 772, isLoopback: true })
const NODE = [
  LO,
  ...['eth0', 'eth7', 'veth1', 'veth22', 'br0', 'eth0.100'].map((each) => link(each)),
]

function taken(rules: Partial<InterfaceRules>, links: readonly Link[] = NODE): string[] {
  const { taken } = new InterfaceChooser({ ...NO_RULES, ...rules }).choose(links)
  return taken.map(({ name }) => name)
}

test('without rules all but loopback are taken', () => {
  assert.deepEqual(taken({}), ['eth0', 'eth7', 'veth1', 'veth22', 'br0', 'eth0.100'])
})

test('an expression matches anywhere in the name unless it is anchored', () => {
  assert.deepEqual(taken({ include: ['^eth'] }), ['eth0', 'eth7', 'eth0.100'])
  assert.deepEqual(taken({ include: ['eth'] }), ['eth0', 'eth7', 'veth1', 'veth22', 'eth0.100'])
  assert.deepEqual(taken({ include: ['^br[[:digit:]]+$', '22|7$'] }), ['eth7', 'veth22', 'br0'])
})

test('what is excluded is left out, even if it is included or named', () => {
  assert.deepEqual(taken({ exclude: ['^veth', 'br'] }), ['eth0', 'eth7', 'eth0.100'])
  assert.deepEqual(taken({ include: ['^eth'], exclude: ['eth7'] }), ['eth0', 'eth0.100'])
  assert.deepEqual(taken({ names: ['eth7', 'eth0'], exclude: ['eth7'] }), ['eth0'])
})

test('named interfaces are taken, loopback among them, with those that are included', () => {
  assert.deepEqual(taken({ names: ['lo', 'br0'] }), ['lo', 'br0'])
  assert.deepEqual(taken({ names: ['br0'], include: ['^veth'] }), ['veth1', 'veth22', 'br0'])
})

test('an interface whose frames are not Ethernet is unfit, a name that does not exist is missing', () => {
  const tunnel = link('tun0', { hardwareType: 65534 })
  const chooser = new InterfaceChooser({ ...NO_RULES, names: ['eth9'], include: ['^tun'] })

  assert.deepEqual(chooser.choose([...NODE, tunnel]), {
    taken: [],
    unfit: [tunnel],
    missing: ['eth9'],
  })
})

test('what appears later is taken only where any is wanted', () => {
  for (const any of [false, true]) {
    const chooser = new InterfaceChooser({ ...NO_RULES, include: ['^veth'], any })
    chooser.choose(NODE)
    const names = chooser.choose([...NODE, link('veth3')]).taken.map(({ name }) => name)

    assert.deepEqual(names, any ? ['veth1', 'veth22', 'veth3'] : ['veth1', 'veth22'])
  }
})

test('one of the first choice is taken again when it returns, and so is a name that was missing', () => {
  const chooser = new InterfaceChooser({ ...NO_RULES, names: ['eth9'], include: ['^veth1'] })
  chooser.choose(NODE)

  const names = chooser.choose([link('eth9'), link('veth1')]).taken.map(({ name }) => name)

  assert.deepEqual(names, ['eth9', 'veth1'])
})

test('only any interface without lists is all of them', () => {
  const wantsAll = (rules: Partial<InterfaceRules>): boolean =>
    new InterfaceChooser({ ...NO_RULES, ...rules }).wantsAll

  assert.deepEqual(
    [wantsAll({ any: true }), wantsAll({}), wantsAll({ any: true, exclude: ['x'] })],
    [true, false, false],
  )
})

test('expressions are separated by white space', () => {
  assert.deepEqual(readExpressions(' ^eth\t^en[ops]\n'), { value: ['^eth', '^en[ops]'] })
})

test('an expression that is none is named with what is wrong', () => {
  assert.deepEqual(readExpressions('^eth (veth'), {
    expected: 'regular expressions separated by spaces: "(veth": missing closing ): `(veth`',
  })
  assert.deepEqual(readExpressions('(?=eth)'), {
    expected:
      'regular expressions separated by spaces: "(?=eth)": invalid or unsupported Perl syntax: `(?=`',
  })
  assert.deepEqual(readExpressions('((a{0,1000}){0,1000}){0,1000}'), {
    expected:
      'regular expressions separated by spaces: "((a{0,1000}){0,1000}){0,1000}": expression too large',
  })
})

test('an expression that would take for ever elsewhere is matched at once', () => {
  const began = performance.now()

  assert.deepEqual(taken({ include: ['^(a+)+$', '(x+x+)+y'] }, [link('aaaaaaaaaaaaaab')]), [])
  assert.ok(performance.now() - began < 1000)
})
