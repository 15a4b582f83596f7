import type { z } from 'zod'
import { tellIssue } from '../domain/issue.ts'
import type { Label } from '../domain/quantity.ts'
import { quoteText } from '../domain/text.ts'
import type { LineError } from './csv.ts'

/** Puts the issues of a schema on the line that they were found in, in the words of people who mend a file. */
export function addIssues(errors: LineError[], line: number, issues: readonly z.core.$ZodIssue[]): void {
  for (const issue of issues) errors.push({ line, column: issue.path.join('.'), message: tellLineIssue(issue) })
}

/** An issue of a schema that was asked to report its input. */
function tellLineIssue(issue: z.core.$ZodIssue): Label {
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return { fr: 'il manque une valeur', en: 'a value is missing' }
  if (issue.code === 'invalid_value') {
    const values = issue.values.join(', ')
    return {
      fr: `« ${quoteText(String(issue.input))} » n’est pas prévu ; choisissez parmi ${values}`,
      en: `"${quoteText(String(issue.input))}" is not expected; choose one of ${values}`,
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
  return tellIssue(issue)
}
