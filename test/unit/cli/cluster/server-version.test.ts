import assert from 'node:assert/strict'
import test from 'node:test'
import {
  isSupported,
  parseServerVersion,
  requireSupported,
} from '../../../../cli/cluster/server-version.ts'

test('a minor version can have a suffix', () => {
  const version = parseServerVersion({ major: '1', minor: '28+', gitVersion: 'v1.28.3-eks-1' })

  assert.deepEqual(version, { major: 1, minor: 28, text: 'v1.28.3-eks-1' })
  assert.equal(isSupported(version), true)
})

test('a server before 1.28 is refused in one line', () => {
  const version = parseServerVersion({ major: '1', minor: '27', gitVersion: 'v1.27.9' })

  assert.throws(
    () => {
      requireSupported(version, 'https://10.0.0.1')
    },
    {
      code: 'ERR_KUBE_VERSION',
      message:
        'the API server at https://10.0.0.1 is v1.27.9: podtap needs Kubernetes 1.28 or newer; ' +
        'upgrade the cluster, or choose another one with --context',
    },
  )
})

test('a server that does not say its version is not refused', () => {
  assert.equal(isSupported(parseServerVersion({})), true)
})
