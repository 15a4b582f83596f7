import { type Language, languages, locales } from './language.ts'
import { readStored, writeStored } from './stored.ts'
import { en } from './texts/en.ts'
import { fr, type Texts } from './texts/fr.ts'
import { setFrench, setFrenchTable } from './writing.ts'

const tables: Record<Language, Texts> = { fr: setFrenchTable(fr), en }
// The French ones of pages, set once each.
const set = new WeakMap<object, unknown>()

const initial = readStored('language', languages, 'fr')
let language = $state<Language>(initial)
document.documentElement.lang = initial

/** The language of the page and its texts; whoever reads them is drawn again when the language changes. */
export const i18n = {
  get language(): Language {
    return language
  },
  /** For Intl. */
  get locale(): string {
    return locales[language]
  },
  get t(): Texts {
    return tables[language]
  },
  /** The texts of one page, which stand beside it. */
  of<PageTexts extends object>(texts: Record<Language, PageTexts>): PageTexts {
    if (language !== 'fr') return texts[language]
    if (!set.has(texts)) set.set(texts, setFrenchTable(texts.fr))
    return set.get(texts) as PageTexts
  },
  /** A sentence that the platform told in the language of the page. */
  told(sentence: string): string {
    return language === 'fr' ? setFrench(sentence) : sentence
  },
  choose(chosen: Language): void {
    language = chosen
    document.documentElement.lang = chosen
    writeStored('language', chosen)
  },
}
