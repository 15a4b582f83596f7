import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { texts as deadLetterTexts } from '../../dashboards/web/src/pages/dead-letters/texts.ts'
import { en } from '../../dashboards/web/src/texts/en.ts'
import { fr, type Texts } from '../../dashboards/web/src/texts/fr.ts'
import { plural, setFrench, setFrenchTable } from '../../dashboards/web/src/writing.ts'
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

// Limits, and what is said of two and more.
const ofMany = /(^|\.)(cut|someMeters|tableCut|tried)$/

test.each(everywhere)('%s: one is told of as one, in both languages', (_, texts) => {
  for (const [language, alone] of [
    ['fr', ['0', '1']],
    ['en', ['1']],
  ] as const)
    for (const [path, text] of leaves(texts[language])) {
      if (typeof text === 'string' || ofMany.test(path)) continue
      // A number, and a word behind it in the plural, or what stands for more than one.
      for (const count of alone)
        expect(text(count, count, count), path).not.toMatch(
          new RegExp(
            `(?<![\\p{L}\\d])${count} (?!(?:as|becomes|is|dans|depuis|des|dès|plus|sans)(?!\\p{L}))\\p{L}+[sx](?![\\p{L}])`,
            'u',
          ),
        )
    }
})

test('the words of a count follow the rules of each language', () => {
  for (const language of ['fr', 'en'] as const) {
    const rules = new Intl.PluralRules(language)
    for (const count of [0, 1, 2, 10, 21, 101, 1001]) {
      const written = count.toLocaleString(language)
      expect(plural[language](written, 'one', 'many'), `${language} ${written}`).toBe(
        rules.select(count) === 'one' ? 'one' : 'many',
      )
    }
  }
})

test('French is set so that no line begins with a mark or ends with an opening one', () => {
  expect(setFrench('Ouvrir « a : b » ? Oui ; à 90 % !')).toBe(
    'Ouvrir «\u202fa\u202f: b\u202f»\u202f? Oui\u202f; à 90\u202f%\u202f!',
  )
  expect(setFrench('{"a" :1} ? true:false')).toBe('{"a" :1}\u202f? true:false')
  for (const [file, { fr }] of everywhere)
    for (const [path, text] of leaves(setFrenchTable(fr)))
      expect(typeof text === 'function' ? text('VALUE', 'VALUE', 'VALUE') : text, `${file} ${path}`).not.toMatch(
        / [:;?!»](\s|$)|« |'|(?<=\p{L})\.\.\./u,
      )
})

type Text = string | ((...values: string[]) => string)

function leaves(table: object, path = ''): [string, Text][] {
  return Object.entries(table).flatMap(([key, value]) =>
    typeof value === 'object' ? leaves(value, `${path}${key}.`) : [[`${path}${key}`, value as Text] as [string, Text]],
  )
}
