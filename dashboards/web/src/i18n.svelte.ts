import { readStored, writeStored } from './stored.ts'
import { en } from './texts/en.ts'
import { fr, type Texts } from './texts/fr.ts'

export const languages = ['fr', 'en'] as const
export type Language = (typeof languages)[number]

const tables: Record<Language, Texts> = { fr, en }
const locales: Record<Language, string> = { fr: 'fr-FR', en: 'en-GB' }

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
  choose(chosen: Language): void {
    language = chosen
    document.documentElement.lang = chosen
    writeStored('language', chosen)
  },
}
