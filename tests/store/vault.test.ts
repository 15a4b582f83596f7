import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openVault } from '../../store/vault.ts'
import { makeFolder } from '../support/registry.ts'

test('what is sealed opens for its purpose, in any process of the data folder, and nowhere else', () => {
  const folder = makeFolder()
  const vault = openVault(folder)
  const other = openVault(makeFolder())
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (secret, purpose) => {
      const sealed = vault.seal(secret, purpose)
      expect(openVault(folder).open(sealed, purpose)).toBe(secret)
      expect(vault.seal(secret, purpose)).not.toBe(sealed)
      expect(() => vault.open(sealed, `${purpose} `)).toThrow()
      expect(() => other.open(sealed, purpose)).toThrow()
    }),
    { numRuns: 50 },
  )
})

test('a sealed secret that was changed does not open', () => {
  const vault = openVault(makeFolder())
  const sealed = vault.seal('a secret', 'p')
  for (let at = 0; at < sealed.length; at++) {
    const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`
    // The last character holds bits that stand for no byte.
    if (Buffer.from(changed.slice(3), 'base64url').equals(Buffer.from(sealed.slice(3), 'base64url')) && at > 2) continue
    expect(() => vault.open(changed, 'p'), `character ${at}`).toThrow()
  }
  for (const text of ['', 'v1$', 'v2$AAAA']) expect(() => vault.open(text, 'p')).toThrow()
})

test('the key is made once, for its owner alone; a damaged one stops the start', () => {
  const folder = makeFolder()
  const file = join(folder, 'vault.key')
  expect(openVault(folder).derive('x')).toBe(openVault(folder).derive('x'))
  expect(openVault(folder).derive('x')).not.toBe(openVault(folder).derive('y'))
  expect(statSync(file).mode & 0o777).toBe(0o600)
  writeFileSync(file, readFileSync(file).subarray(1))
  expect(() => openVault(folder)).toThrow(/damaged/)
})
