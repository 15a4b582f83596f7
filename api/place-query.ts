import { z } from 'zod'
import { say } from '../domain/issue.ts'
import { type Area, maxCorners, maxRadiusM, parseBox, parseCircle, parsePolygon } from '../domain/place.ts'
import type { Label } from '../domain/quantity.ts'

function areaSchema(parse: (text: string) => Area | null, expected: Label, example: string) {
  const message = say({ fr: `${expected.fr}, comme ${example}`, en: `expected ${expected.en}, such as ${example}` })
  return z
    .string()
    .max(12_000)
    .transform((text, context): Area => {
      const area = parse(text)
      if (area !== null) return area
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
    .meta({ description: `Expects ${expected.en}.`, examples: [example] })
    .optional()
}

/** Query parameters that say where; an asset lies in all that are given. */
export const placeQuery = {
  bbox: areaSchema(
    parseBox,
    { fr: 'ouest,sud,est,nord en degrés', en: 'west,south,east,north in degrees' },
    '7.2,47.7,7.4,47.8',
  ),
  near: areaSchema(
    parseCircle,
    {
      fr: `longitude,latitude,rayon, le rayon en mètres jusqu’à ${maxRadiusM}`,
      en: `longitude,latitude,radius, the radius in metres up to ${maxRadiusM}`,
    },
    '7.3389,47.7467,500',
  ),
  polygon: areaSchema(
    parsePolygon,
    {
      fr: `de trois à ${maxCorners} sommets longitude,latitude séparés par des espaces`,
      en: `three to ${maxCorners} corners longitude,latitude with spaces between them`,
    },
    '7.2,47.7 7.4,47.7 7.3,47.8',
  ),
}

/** The areas that a request names, and the rest of it. */
export function takeAreas<
  Query extends { bbox?: Area | undefined; near?: Area | undefined; polygon?: Area | undefined },
>({ bbox, near, polygon, ...rest }: Query) {
  return { ...rest, areas: [bbox, near, polygon].filter((area) => area !== undefined) }
}
