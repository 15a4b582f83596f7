import type { Feature, FeatureCollection } from 'geojson'
import type { StyleSpecification } from 'maplibre-gl'
import type { Colours } from './drawings.ts'
import type { Point } from './points.svelte.ts'

/*
 * The ground that needs no network: a plain colour, and the districts where the assets are, by their outlines and names.
 * Letters are drawn by the browser's own font, since the style names no glyphs.
 */

type Position = [longitude: number, latitude: number]

/** Points that make an outline worth drawing. */
const leastPoints = 8

/** How much larger an outline is than what it holds. */
const room = 1.35

/** The style of the plain ground. */
export function makeGround(colours: Colours): StyleSpecification {
  return {
    version: 8,
    // Outlines are coarse: a few tiles serve every closer look, where each would be drawn as it comes.
    sources: { districts: { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, maxzoom: 12 } },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': colours.ground } },
      {
        id: 'districts',
        type: 'fill',
        source: 'districts',
        filter: ['==', ['geometry-type'], 'Polygon'],
        paint: { 'fill-color': colours.raised, 'fill-antialias': false },
      },
      {
        id: 'outlines',
        type: 'line',
        source: 'districts',
        filter: ['==', ['geometry-type'], 'Polygon'],
        layout: { 'line-join': 'round' },
        paint: { 'line-color': colours.line, 'line-width': 1.5 },
      },
      {
        id: 'names',
        type: 'symbol',
        source: 'districts',
        filter: ['==', ['geometry-type'], 'Point'],
        layout: {
          'text-field': ['get', 'name'],
          'text-size': 13,
          'text-letter-spacing': 0.04,
          'text-anchor': 'bottom',
          'text-offset': [0, -0.2],
        },
        paint: { 'text-color': colours.inkSoft, 'text-halo-color': colours.ground, 'text-halo-width': 1.5 },
      },
    ],
  }
}

/** The outline of each district that enough points are in, and where its name stands. */
export function outlineDistricts(points: Iterable<Point>): FeatureCollection {
  const byDistrict = new Map<string, Position[]>()
  for (const { district, longitude, latitude } of points) {
    if (district === null) continue
    const known = byDistrict.get(district)
    if (known === undefined) byDistrict.set(district, [[longitude, latitude]])
    else known.push([longitude, latitude])
  }
  const features: Feature[] = []
  for (const [name, positions] of byDistrict) {
    if (positions.length < leastPoints) continue
    const outline = widen(findHull(positions))
    if (outline === null) continue
    const { ring, top } = outline
    features.push({ type: 'Feature', properties: { name }, geometry: { type: 'Polygon', coordinates: [ring] } })
    features.push({ type: 'Feature', properties: { name }, geometry: { type: 'Point', coordinates: top } })
  }
  return { type: 'FeatureCollection', features }
}

/** A hull with room around what it holds, as a closed ring, and the middle of its upper side; null for a mere line. */
function widen(hull: readonly Position[]): { ring: Position[]; top: Position } | null {
  if (hull.length < 3) return null
  const [x, y] = hull.reduce<Position>(([x, y], [lon, lat]) => [x + lon / hull.length, y + lat / hull.length], [0, 0])
  const wide = hull.map(([lon, lat]): Position => [x + (lon - x) * room, y + (lat - y) * room])
  return { ring: [...wide, wide[0]!], top: [x, Math.max(...wide.map(([, lat]) => lat))] }
}

/** The convex hull of some positions (Andrew's monotone chain). */
export function findHull(positions: readonly Position[]): Position[] {
  const sorted = [...positions].sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const lower = chain(sorted)
  const upper = chain(sorted.reverse())
  return [...lower.slice(0, -1), ...upper.slice(0, -1)]
}

function chain(sorted: readonly Position[]): Position[] {
  const kept: Position[] = []
  for (const next of sorted) {
    while (kept.length >= 2 && turn(kept.at(-2)!, kept.at(-1)!, next) <= 0) kept.pop()
    kept.push(next)
  }
  return kept
}

function turn(a: Position, b: Position, c: Position): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}
