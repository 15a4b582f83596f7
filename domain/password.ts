import type { Label } from './quantity.ts'

/*
 * Which passwords are taken: long ones, of any characters. No rules of composition and no expiry (NIST SP 800-63B-4,
 * 3.1.1.2: 15 characters where it is the only factor; ANSSI, "Recommandations relatives à l'authentification
 * multifacteur et aux mots de passe" 2021, R22 to R24: 15 and more is strong), and none that is guessed first.
 */

/** In characters as people count them. */
export const minPasswordLength = 15
export const maxPasswordLength = 256

/** How many characters have to stand beside what is guessed first. */
const minOwnLength = 8

const rows = ['azertyuiop', 'qsdfghjklm', 'wxcvbn', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm']
const words = [
  'motdepasse',
  'password',
  'passe',
  'azerty',
  'qwerty',
  'qwertz',
  'administrateur',
  'administrator',
  'admin',
]
const common = [
  'bonjour',
  'soleil',
  'doudou',
  'loulou',
  'welcome',
  'letmein',
  'iloveyou',
  'jetaime',
  'secret',
  'parvis',
]
const banned = [...rows, ...words, ...common, 'mairie', 'changeme', 'changemoi']

/** A password as it is kept and compared: however the keyboard composes its accents (NIST SP 800-63B-4, 3.1.1.2). */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}

/** Why a password is not taken, with what to do; null when it is. */
export function judgePassword(password: string, person: { name: string; login: string }): Label | null {
  const text = normalizePassword(password)
  const { length } = [...text]
  if (length < minPasswordLength)
    return {
      fr: `au moins ${minPasswordLength} caractères : plusieurs mots sans rapport entre eux conviennent bien`,
      en: `at least ${minPasswordLength} characters: several words that have nothing to do with each other do well`,
    }
  if (length > maxPasswordLength)
    return { fr: `au plus ${maxPasswordLength} caractères`, en: `at most ${maxPasswordLength} characters` }
  if (countOwn(text, person) < minOwnLength)
    return {
      fr: 'trop facile à deviner : évitez votre nom, les suites de touches, les répétitions et les mots de passe connus',
      en: 'too easily guessed: keep clear of your name, rows of keys, repetitions and well-known passwords',
    }
  return null
}

/** How many characters are left once what is guessed first is taken out. */
function countOwn(text: string, { name, login }: { name: string; login: string }): number {
  let rest = fold(text)
  const own = `${name} ${login}`.split(/[^\p{L}\p{N}]+/u).map(fold)
  // The longest first: what is part of another would leave its rest behind.
  const pieces = [...banned, ...own].filter((piece) => piece.length >= 3).sort((a, b) => b.length - a.length)
  for (const piece of pieces) rest = rest.replaceAll(piece, '')
  return new Set(shortenRuns(rest.replace(/(.+?)\1+/gu, '$1'))).size < 5 ? 0 : shortenRuns(rest).length
}

// `abcdef`, `98765` and `aaaa` are as one character.
function shortenRuns(text: string): string {
  let kept = ''
  let step: number | null = null
  for (let i = 0; i < text.length; i++) {
    const next: number = i === 0 ? Number.NaN : text.charCodeAt(i) - text.charCodeAt(i - 1)
    if (!(Math.abs(next) <= 1 && (step === null || step === next))) kept += text[i]
    step = Math.abs(next) <= 1 ? next : null
  }
  return kept
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}
