import { z } from 'zod'
import { type PartProblem, Problem, tellDetail } from './problem.ts'
import type { Label } from './quantity.ts'

const english = z.locales.en().localeError
const french = z.locales.fr().localeError

// An issue of zod carries one text: the English one, under which its French is found.
const frenchTexts = new Map<string, string>()

/**
 * What a schema says of a bad value, as its `error` or `message`, in both languages. For texts that are there before any
 * value is: one that quotes what was sent would stay here for good.
 */
export function say({ fr, en }: Label): string {
  frenchTexts.set(en, fr)
  return en
}

/** An issue of a schema that was asked to report its input, in both languages. */
export function tellIssue(issue: z.core.$ZodIssue): Label {
  const raw = issue as z.core.$ZodRawIssue
  const en = issue.message
  const fr = word(english, raw) === en ? word(french, raw) : frenchTexts.get(en)
  return { fr: fr ?? en, en }
}

/** A refusal that names every bad part of a request. */
export function refuseParts(parts: readonly PartProblem[]): Problem {
  const tell = (language: 'fr' | 'en') => {
    const colon = language === 'fr' ? ' : ' : ': '
    const told = parts.map(({ path, message }) => (path === '' ? '' : path + colon) + tellDetail(message, language))
    return told.join(language === 'fr' ? ' ; ' : '; ')
  }
  return new Problem('bad_request', { fr: tell('fr'), en: tell('en') }, parts)
}

/** A refusal of what a schema refuses. */
export function refuseIssues(issues: readonly z.core.$ZodIssue[]): Problem {
  return refuseParts(issues.map((issue) => ({ path: issue.path.join('.'), message: tellIssue(issue) })))
}

function word(localeError: z.core.$ZodErrorMap, issue: z.core.$ZodRawIssue): string | undefined {
  const worded = localeError(issue)
  return typeof worded === 'object' ? worded?.message : (worded ?? undefined)
}
