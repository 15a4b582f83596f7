export type Language = 'fr' | 'en'

/**
 * The language that a reader prefers, by its Accept-Language header (RFC 9110 section 12.5.4); `fallback` when it names
 * none of ours. Among equals the first named wins; `*` stands for the fallback.
 */
export function chooseLanguage(header: string | undefined, fallback: Language): Language {
  let chosen = fallback
  let best = 0
  for (const item of (header ?? '').split(',')) {
    const [range = '', ...params] = item.trim().toLowerCase().split(';')
    const language = range.trim() === '*' ? fallback : range.trim().split('-')[0]
    if (language !== 'fr' && language !== 'en') continue
    const weight = params.map((each) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(each)?.[1]).find((q) => q !== undefined)
    const quality = weight === undefined ? 1 : Number(weight)
    if (quality <= best) continue
    best = quality
    chosen = language
  }
  return chosen
}
