import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { texts as deadLetterTexts } from '../../dashboards/web/src/pages/dead-letters/texts.ts'
import { en } from '../../dashboards/web/src/texts/en.ts'
import { fr, type Texts } from '../../dashboards/web/src/texts/fr.ts'
import { assetStates } from '../../domain/asset.ts'
import { assetKindNames, assetKinds } from '../../domain/asset-kind.ts'
import { attentionRules, deviceSilence } from '../../domain/attention.ts'
import { deadLetterReasons } from '../../domain/fault.ts'

const tables: ['fr' | 'en', Texts][] = [
  ['fr', fr],
  ['en', en],
]

describe.each(tables)('texts in %s', (language, texts) => {
  test('kinds and attentions are told as everywhere else', () => {
    expect(texts.kinds).toEqual(
      Object.fromEntries(assetKindNames.map((kind) => [kind, assetKinds[kind].label[language]])),
    )
    expect(texts.attentions).toEqual(
      Object.fromEntries([...attentionRules, deviceSilence].map((rule) => [rule.code, rule.label[language]])),
    )
  })

  test('every state and every reason has its words', () => {
    expect(Object.keys(texts.states).sort()).toEqual([...assetStates].sort())
    expect(Object.keys(deadLetterTexts[language].reasons).sort()).toEqual([...deadLetterReasons].sort())
  })
})

// The texts of all pages and, in folders of their own, those of one page or one component each.
const files = globSync('{pages,components}/*/texts.ts', { cwd: join(import.meta.dirname, '../../dashboards/web/src') })
const everywhere: [string, { fr: object; en: object }][] = [
  ['texts', { fr, en }],
  ...(await Promise.all(
    files.map(async (file): Promise<[string, { fr: object; en: object }]> => {
      const { texts } = await import(join('../../dashboards/web/src', file))
      return [file, texts]
    }),
  )),
]

describe.each(everywhere)('%s', (_, { fr, en }) => {
  test('no text is empty, and each that takes a value tells it', () => {
    for (const [path, text] of [...leaves(fr), ...leaves(en)]) {
      const told = typeof text === 'function' ? text('VALUE', 'VALUE', 'VALUE') : text
      expect(told.trim(), path).not.toBe('')
      if (typeof text === 'function') expect(told, path).toContain('VALUE')
    }
  })

  test('both languages have the same texts', () => {
    expect(leaves(en).map(([path]) => path)).toEqual(leaves(fr).map(([path]) => path))
  })
})

type Text = string | ((...values: string[]) => string)

function leaves(table: object, path = ''): [string, Text][] {
  return Object.entries(table).flatMap(([key, value]) =>
    typeof value === 'object' ? leaves(value, `${path}${key}.`) : [[`${path}${key}`, value as Text] as [string, Text]],
  )
}
