import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refuseIssues, say, tellIssue } from '../domain/issue.ts'

/*
 * What people are told of a refusal is French under French pages. A detail is a name, the same in every language, or a
 * sentence in each: here the sources are read for sentences that are there in one language alone.
 */

const root = join(import.meta.dirname, '..')
// What is said to and by the servers of readings goes to the log.
const files = globSync('{api,devices,domain,ingest,inventory,store}/*.ts', { cwd: root })
  .concat(globSync('api/routes/*.ts', { cwd: root }))
  .filter((name) => !name.startsWith('store/influx'))
  .sort()
/** Properties that carry what a schema, a role or a line of a file says. */
const telling = new Set(['error', 'message', 'detail', 'refused'])

/** The sentences of a source that are told in one language alone, with their lines. */
function findOneLanguage(name: string, text: string): string[] {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const note = (node: ts.Node) =>
    found.push(`${name}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${node.getText()}`)
  const judge = (node: ts.Expression): void => {
    if (ts.isParenthesizedExpression(node)) judge(node.expression)
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(judge)
    else if (ts.isBinaryExpression(node)) [node.left, node.right].forEach(judge)
    else if (ts.isStringLiteralLike(node) && isSentence(node.text)) note(node)
    else if (ts.isTemplateExpression(node) && isSentence(fixedText(node))) note(node)
  }
  const visit = (node: ts.Node): void => {
    // What faults tell stands in the table of domain/fault.ts, with a test of its own; their params are quoted.
    if (ts.isCallExpression(node) && node.expression.getText() === 'fault') return
    if (ts.isNewExpression(node) && node.expression.getText() === 'Problem') node.arguments?.slice(1, 2).forEach(judge)
    if (ts.isPropertyAssignment(node) && telling.has(node.name.getText())) judge(node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function fixedText(node: ts.TemplateExpression): string {
  return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('\0')
}

/** A name alone is the same in every language, as is the field that stands before one: `parentId: `. */
function isSentence(text: string): boolean {
  return /\p{L}/u.test(text) && !/^\w+(: \0)?$/.test(text)
}

describe('a detail', () => {
  test.each(files)('%s tells what it refuses in both languages', (name) => {
    expect(findOneLanguage(name, readFileSync(join(root, name), 'utf8'))).toEqual([])
  })

  test('is found where it has one language alone, and only there', () => {
    const lines = [
      "new Problem('forbidden', `\u0024{id} belongs to another service`)",
      "new Problem('forbidden', isOld ? 'too old' : id)",
      "z.string().regex(/a/, { error: 'expected a' })",
      "context.addIssue({ code: 'custom', message: `expected \u0024{what}` })",
      "state.tell({ detail: told ?? 'does not answer' })",
    ]
    const fine = [
      "new Problem('not_found', id)",
      "new Problem('payload_too_large', 'data')",
      "new Problem('not_found', `corrects: \u0024{id}`)",
      "new Problem('forbidden', { fr: `\u0024{id} est ailleurs`, en: `\u0024{id} is elsewhere` })",
      "z.string().regex(/a/, { error: say({ fr: 'un a', en: 'expected an a' }) })",
    ]
    expect(findOneLanguage('x.ts', lines.join('\n')).map((each) => each.split(' ')[0])).toEqual(
      lines.map((_, i) => `x.ts:${i + 1}`),
    )
    expect(findOneLanguage('x.ts', fine.join('\n'))).toEqual([])
  })
})

describe('an issue of a schema', () => {
  const schema = z.object({
    a: z.string().regex(/^a$/, { error: say({ fr: 'un a', en: 'expected an a' }) }),
    b: z.number(),
  })

  test('is told in both languages, whether zod says it or a schema', () => {
    const { error } = schema.safeParse({ a: 'b', b: 'c' }, { reportInput: true })
    expect(error!.issues.map(tellIssue)).toEqual([
      { fr: 'un a', en: 'expected an a' },
      {
        fr: expect.stringContaining('nombre attendu'),
        en: 'Invalid input: expected number, received string',
      },
    ])
    const { detail } = refuseIssues(error!.issues)
    expect(detail).toMatchObject({
      fr: expect.stringMatching(/^a : un a ; b : /),
      en: expect.stringMatching(/^a: expected an a; b: /),
    })
  })
})
