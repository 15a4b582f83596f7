import { expect, test } from 'vitest'
import { hashSecret, newSecret, verifySecret } from '../../store/secrets.ts'

test('a generated secret has 256 bits, and is verified at once', async () => {
  const secret = newSecret()
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  expect(newSecret()).not.toBe(secret)
  const stored = await hashSecret(secret, { chosen: false })
  expect(stored).not.toContain(secret)
  expect(verifySecret(secret, stored)).toBe(true)
  expect(verifySecret(Buffer.from(secret), stored)).toBe(true)
  expect(verifySecret(newSecret(), stored)).toBe(false)
  expect(verifySecret('', stored)).toBe(false)
  expect(await hashSecret(secret, { chosen: false })).not.toBe(stored)
})

test('a chosen secret is slow once, and remembered when it was right', async () => {
  const stored = await hashSecret('correct horse battery', { chosen: true })
  expect(stored).toMatch(/^scrypt\$16384\$8\$1\$/)
  const first = verifySecret('correct horse battery', stored)
  expect(first).toBeInstanceOf(Promise)
  // Who asks for the same meanwhile waits for the same answer.
  expect(verifySecret('correct horse battery', stored)).toBe(first)
  expect(await first).toBe(true)
  expect(verifySecret(Buffer.from('correct horse battery'), stored)).toBe(true)

  expect(await verifySecret('correct horse batterz', stored)).toBe(false)
  expect(verifySecret('correct horse batterz', stored)).toBeInstanceOf(Promise)
})

test('a new secret makes the remembered one worthless', async () => {
  const before = await hashSecret('correct horse battery', { chosen: true })
  expect(await verifySecret('correct horse battery', before)).toBe(true)
  const after = await hashSecret('another horse battery', { chosen: true })
  expect(await verifySecret('correct horse battery', after)).toBe(false)
})

test('a chosen secret has 16 characters at least', async () => {
  await expect(hashSecret('fifteen letters', { chosen: true })).rejects.toMatchObject({ code: 'weak_secret' })
  // Sixteen UTF-16 units, but eight characters.
  await expect(hashSecret('🔑'.repeat(8), { chosen: true })).rejects.toMatchObject({ code: 'weak_secret' })
  await expect(hashSecret('sixteen letters!', { chosen: true })).resolves.toMatch(/^scrypt/)
  await expect(hashSecret('x'.repeat(257), { chosen: true })).rejects.toMatchObject({ code: 'bad_request' })
})

test('many verifications at once are all answered', async () => {
  const stored = await hashSecret('correct horse battery', { chosen: true })
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      verifySecret(i === 7 ? 'correct horse battery' : `wrong horse number ${i}`, stored),
    ),
  )
  expect(answers).toEqual(Array.from({ length: 10 }, (_, i) => i === 7))
})

test('what is no stored secret verifies nothing', () => {
  for (const stored of ['', 'sha256$$', 'sha256$c2FsdA$', 'md5$a$b', 'scrypt$1$2'])
    expect(verifySecret('anything at all', stored)).toBe(false)
})
