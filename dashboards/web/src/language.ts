export const languages = ['fr', 'en'] as const
export type Language = (typeof languages)[number]

/** How each language writes dates and numbers, for Intl. */
export const locales: Record<Language, string> = { fr: 'fr-FR', en: 'en-GB' }

/** What each language calls itself. */
export const names: Record<Language, string> = { fr: 'Français', en: 'English' }
