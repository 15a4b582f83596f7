import type { AssetState } from '../../../../domain/asset.ts'
import { assetStates } from '../asset-states.ts'
import type { Point } from './point.ts'

/*
 * What is near on a map is one group: at each whole zoom the world is cut into cells, and a cell whose middle is too near
 * to that of a fuller one joins it. Groups follow from places alone, so that a change of state regroups nothing.
 */

/** Points that are one sign on the map; `first` is the id of one of them, of a group of one the only. Degrees. */
export type Group = {
  longitude: number
  latitude: number
  count: number
  states: Record<AssetState, number>
  first: string
}

/** The groups of a zoom, the fullest last, and the group of each point by its number. */
export type Grouping = { groups: Group[]; byNumber: Group[] }

/** From the next zoom on every point stands for itself. */
export const lastGroupedZoom = 16

/** The side of a cell, and the least distance between the middles of two groups, in pixels of a whole zoom. */
export const cellPx = 48

/** Pixels of the whole world at zoom 0, as MapLibre counts. */
const worldPx = 512

// More than there are rows of cells at the last zoom that groups.
const keysPerColumn = 2 ** 21

type Cell = Group & { column: number; row: number; x: number; y: number; into: Cell | null }

/** Groups points for a zoom. */
export function groupPoints(points: Iterable<Point>, zoom: number): Grouping {
  const byNumber: Group[] = []
  if (zoom > lastGroupedZoom) {
    for (const { number, id: first, longitude, latitude } of points)
      byNumber[number] = { longitude, latitude, count: 1, states: countNone(), first }
    return { groups: Object.values(byNumber), byNumber }
  }
  const across = (worldPx * 2 ** zoom) / cellPx
  const cells = new Map<number, Cell>()
  for (const point of points) {
    const [x, y] = [toMercatorX(point.longitude) * across, toMercatorY(point.latitude) * across]
    const [column, row] = [Math.floor(x), Math.floor(y)]
    const key = column * keysPerColumn + row
    let cell = cells.get(key)
    if (cell === undefined) {
      const { longitude, latitude, id: first } = point
      cell = { longitude, latitude, count: 0, states: countNone(), first, column, row, x, y, into: null }
      cells.set(key, cell)
    }
    const share = 1 / ++cell.count
    cell.x += (x - cell.x) * share
    cell.y += (y - cell.y) * share
    cell.longitude += (point.longitude - cell.longitude) * share
    cell.latitude += (point.latitude - cell.latitude) * share
    byNumber[point.number] = cell
  }
  const groups = joinNear([...cells.values()])
  return { groups, byNumber: byNumber.map((cell) => (cell as Cell).into ?? cell) }
}

/** Has each cell that is too near to a fuller one join it, and answers those that stay. */
function joinNear(cells: Cell[]): Group[] {
  const kept = new Map<number, Cell>()
  cells.sort((a, b) => b.count - a.count || a.column - b.column || a.row - b.row)
  for (const cell of cells) {
    cell.into = findNear(kept, cell)
    if (cell.into === null) kept.set(cell.column * keysPerColumn + cell.row, cell)
    else cell.into.count += cell.count
  }
  return [...kept.values()].sort((a, b) => a.count - b.count)
}

function findNear(kept: ReadonlyMap<number, Cell>, { column, row, x, y }: Cell): Cell | null {
  for (let east = -1; east <= 1; east++)
    for (let south = -1; south <= 1; south++) {
      const near = kept.get((column + east) * keysPerColumn + row + south)
      if (near !== undefined && (near.x - x) ** 2 + (near.y - y) ** 2 < 1) return near
    }
  return null
}

/** Counts the points of each group by state, anew. */
export function countStates({ groups, byNumber }: Grouping, points: Iterable<Point>): void {
  for (const { states } of groups) for (const state of assetStates) states[state] = 0
  for (const { number, state } of points) byNumber[number]!.states[state]++
}

function countNone(): Record<AssetState, number> {
  return { working: 0, attention: 0, silent: 0, never_seen: 0, out_of_service: 0 }
}

function toMercatorX(longitude: number): number {
  return longitude / 360 + 0.5
}

/** From the north downwards, 0 to 1. */
function toMercatorY(latitude: number): number {
  return 0.5 - Math.asinh(Math.tan((latitude * Math.PI) / 180)) / (2 * Math.PI)
}
