import { expect, test } from 'vitest'
import { hashPassword, nobodysPassword, verifyPassword } from '../../store/passwords.ts'
import { refusal } from '../support/registry.ts'

const password = 'lampadaire bleu sous la pluie'

test('a password is kept as argon2id, with a salt of its own, and known again', async () => {
  const stored = await hashPassword(password)
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  expect(stored).not.toBe(await hashPassword(password))
  expect(await verifyPassword(password, stored)).toBe(true)
  expect(await verifyPassword(`${password} `, stored)).toBe(false)
})

// Made by the reference implementation: printf 'lampadaire bleu' | argon2 'seltreslongseize' -id -t 2 -k 19456 -p 1 -e
test('a hash that the reference implementation made is known', async () => {
  const made = '$argon2id$v=19$m=19456,t=2,p=1$c2VsdHJlc2xvbmdzZWl6ZQ$ePCrynv+7Z82Rix3CvWh0DaBLL1CD5mH/XBOJHSDK44'
  expect(await verifyPassword('lampadaire bleu', made)).toBe(true)
  expect(await verifyPassword('lampadaire vert', made)).toBe(false)
})

test('a keyboard that composes accents otherwise writes the same password', async () => {
  const stored = await hashPassword('été à Orléans, été'.normalize('NFC'))
  expect(await verifyPassword('été à Orléans, été'.normalize('NFD'), stored)).toBe(true)
})

test('nobody has the password of nobody', async () => {
  for (const guess of ['', '0', password]) expect(await verifyPassword(guess, nobodysPassword)).toBe(false)
})

test('more than wait their turn are asked to come back, and those that wait are served', async () => {
  const outcomes = await Promise.all(Array.from({ length: 30 }, () => refusal(hashPassword(password))))
  expect(outcomes.filter((each) => each === 'too_many_requests')).toHaveLength(8)
  expect(await verifyPassword(password, await hashPassword(password))).toBe(true)
})
