import type { z } from 'zod'
import type { Detail } from '../domain/problem.ts'
import type { LineError } from './csv.ts'

/** Puts the issues of a schema on the line that they were found in, in the words of people who mend a file. */
export function addIssues(errors: LineError[], line: number, issues: readonly z.core.$ZodIssue[]): void {
  for (const issue of issues) errors.push({ line, column: issue.path.join('.'), message: tellIssue(issue) })
}

/** An issue of a schema that was asked to report its input. */
function tellIssue(issue: z.core.$ZodIssue): Detail {
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return { fr: 'il manque une valeur', en: 'a value is missing' }
  if (issue.code === 'invalid_value') {
    const values = issue.values.join(', ')
    return {
      fr: `"${issue.input}" n’est pas prévu ; choisissez parmi ${values}`,
      en: `"${issue.input}" is not expected; choose one of ${values}`,
    }
  }
  if (issue.code === 'too_big')
    return issue.origin === 'string'
      ? { fr: `au plus ${issue.maximum} caractères`, en: `at most ${issue.maximum} characters` }
      : { fr: `au plus ${issue.maximum}`, en: `at most ${issue.maximum}` }
  if (issue.code === 'too_small')
    return issue.origin === 'string'
      ? { fr: `au moins ${issue.minimum} caractère`, en: `at least ${issue.minimum} character` }
      : { fr: `au moins ${issue.minimum}`, en: `at least ${issue.minimum}` }
  const french = frenchTexts.get(issue.message)
  return french === undefined ? issue.message : { fr: french, en: issue.message }
}

// What the schemas of domain/ say by themselves.
const frenchTexts: ReadonlyMap<string, string> = new Map([
  [
    'expected 1 to 128 characters, without / + # or control characters',
    'de 1 à 128 caractères, sans / + # ni caractère de contrôle',
  ],
  ['expected a text without control characters', 'un texte sans caractère de contrôle'],
  ['expected a date such as 2026-03-31', 'une date comme 2026-03-31'],
  ['latitude and longitude go together', 'la latitude et la longitude vont ensemble : donnez les deux, ou aucune'],
])
