import { type Language, languages, locales } from './language.ts'
import { readStored, writeStored } from './stored.ts'
import { en } from './texts/en.ts'
import { fr, type Texts } from './texts/fr.ts'

const tables: Record<Language, Texts> = { fr, en }

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
  of<PageTexts>(texts: Record<Language, PageTexts>): PageTexts {
    return texts[language]
  },
  choose(chosen: Language): void {
    language = chosen
    document.documentElement.lang = chosen
    writeStored('language', chosen)
  },
}
