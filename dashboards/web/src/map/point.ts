import type { AssetState } from '../../../../domain/asset.ts'
import type { AssetKind } from '../../../../domain/asset-kind.ts'

/** An asset that has a position. `number` is its own as long as the set stands. */
export type Point = {
  number: number
  id: string
  label: string
  kind: AssetKind
  state: AssetState
  attentions: string[]
  service: string | null
  district: string | null
  longitude: number
  latitude: number
}

/** A part of the map, in degrees. */
export type Bounds = { west: number; south: number; east: number; north: number }

/** Where all points are; null when there are none. */
export function findBounds(points: Iterable<Point>): Bounds | null {
  let bounds: Bounds | null = null
  for (const { longitude, latitude } of points)
    if (bounds === null) bounds = { west: longitude, east: longitude, south: latitude, north: latitude }
    else {
      bounds.west = Math.min(bounds.west, longitude)
      bounds.east = Math.max(bounds.east, longitude)
      bounds.south = Math.min(bounds.south, latitude)
      bounds.north = Math.max(bounds.north, latitude)
    }
  return bounds
}

/** Whether a place is within some bounds. */
export function isInside(
  { longitude, latitude }: Pick<Point, 'longitude' | 'latitude'>,
  { west, south, east, north }: Bounds,
): boolean {
  return latitude >= south && latitude <= north && longitude >= west && longitude <= east
}
