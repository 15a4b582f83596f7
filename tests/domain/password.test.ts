import { expect, test } from 'vitest'
import { judgePassword, maxPasswordLength } from '../../domain/password.ts'

const person = { name: 'Camille Martin-Dupré', login: 'camille.martin@ville.example' }

test.each([
  'lampadaire bleu sous la pluie',
  'correct horse battery staple',
  'Tr0ub4dor&3-Plouf!',
  'колодец и старый мост',
  '雨の中の青い街灯と古い石橋と猫',
  'x8Kq2vN5pL9wRt3',
  'Camille aime les bancs du marché',
  '🦊 renard, 🌧 pluie, 🚲 vélo',
])('%s is taken', (password) => {
  expect(judgePassword(password, person)).toBeNull()
})

test.each([
  ['trop court', /15/],
  ['quatorze signs', /15/],
  ['motdepassemotdepasse', /deviner/],
  ['MotDePasse123456!', /deviner/],
  ['passwordpassword1', /deviner/],
  ['azertyuiopqsdfghjklm', /deviner/],
  ['123456789012345', /deviner/],
  ['aaaaaaaaaaaaaaaaaaaa', /deviner/],
  ['abcabcabcabcabcabc', /deviner/],
  ['abcdefghijklmnopq', /deviner/],
  ['camille.martin2024', /deviner/],
  ['CamilleMartinDupré', /deviner/],
  ['admin parvis admin parvis', /deviner/],
  ['x'.repeat(maxPasswordLength + 1), /256/],
])('%s is not, and why', (password, why) => {
  const fault = judgePassword(password, person)
  expect(fault?.fr).toMatch(why)
  expect(fault?.en).toMatch(/./)
})

test('a password is as long as people count it, however it is composed', () => {
  expect(judgePassword('é'.normalize('NFD').repeat(14), person)?.fr).toMatch(/15/)
})
