import type { Map as MapLibreMap } from 'maplibre-gl'
import { assetStates } from '../asset-states.ts'
import { arcSteps, type Colours, drawGroup, drawName, drawPoint, type Picture } from './drawings.ts'
import type { DistrictName } from './ground.ts'
import { countStates, type Group, type Grouping, groupPoints, lastGroupedZoom } from './groups.ts'
import { type Box, findRoom } from './names.ts'
import { type Bounds, findBounds, isInside } from './point.ts'
import type { PointSet } from './points.svelte.ts'

/*
 * The assets on a map, and the names of districts between them: a canvas over the ground. What changes is drawn here, in
 * one frame, and the ground beneath is left as it is.
 */

/** Pictures that are kept; past that they are drawn anew as they are needed. */
const maxPictures = 500

/** How far a sign reaches from its middle, in pixels. */
const reachPx = 30

/** A district that is drawn less high than this is not named. */
const leastNamedPx = 16

/** How far the middle of a name may be from the edge of its district, outside or inside, in heights of the name. */
const away = [1 / 2, -1 / 2, 3 / 2]

/** How far aside of its district's middle, in widths of the name. */
const aside = [0, 1 / 4, -1 / 4]

/** A map at rest for this long prepares for a nearer and a farther look. */
const restMs = 100

type Options = { set: PointSet; colours: Colours; writeCount: (count: number) => string }
type Sign = Box & { group: Group; picture: Picture }

/** Lays the signs of a set over a map, which they follow as it moves. */
export function openSigns(map: MapLibreMap, { set, colours, writeCount }: Options) {
  const canvas = document.createElement('canvas')
  canvas.className = 'signs'
  map.getCanvasContainer().append(canvas)
  const context = canvas.getContext('2d')!
  const pictures = new Map<string, Picture>()
  const groupings = new Map<number, Grouping>()
  const counted = new Set<Grouping>()
  let places = set.places
  let names: readonly DistrictName[] = []
  let signs: Sign[] = []
  let drawnView = ''
  let frame = 0
  let rest: ReturnType<typeof setTimeout> | undefined

  function keep(key: string, draw: () => Picture): Picture {
    let picture = pictures.get(key)
    if (picture !== undefined) return picture
    if (pictures.size >= maxPictures) pictures.clear()
    picture = draw()
    pictures.set(key, picture)
    return picture
  }

  function findPicture({ count, states, first }: Group): Picture {
    const point = count === 1 ? set.get(first) : undefined
    if (point !== undefined)
      return keep(`asset ${point.kind} ${point.state}`, () => drawPoint(point.kind, point.state, colours))
    const number = roundCount(count)
    // What is there at all has an arc.
    const arcs = assetStates.map((state) => Math.ceil((arcSteps * states[state]) / count))
    return keep(`group ${number} ${arcs}`, () => drawGroup(writeCount(number), number, arcs, colours))
  }

  function findGrouping(zoom: number): Grouping {
    if (places !== set.places) groupings.clear()
    places = set.places
    const level = Math.max(0, Math.min(Math.floor(zoom), lastGroupedZoom + 1))
    let found = groupings.get(level)
    if (found === undefined) {
      found = groupPoints(set.all(), level)
      groupings.set(level, found)
    }
    return found
  }

  function countGroups(): readonly Group[] {
    const grouping = findGrouping(map.getZoom())
    if (!counted.has(grouping)) countStates(grouping, set.all())
    counted.add(grouping)
    return grouping.groups
  }

  function prepare(): void {
    for (const step of [-1, 1]) findGrouping(map.getZoom() + step)
  }

  function placeSigns(view: Bounds): Sign[] {
    const placed: Sign[] = []
    for (const group of countGroups()) {
      if (!isInside(group, view)) continue
      const picture = findPicture(group)
      const { x, y } = map.project([group.longitude, group.latitude])
      placed.push({ group, picture, x, y, width: picture.width, height: picture.height })
    }
    return placed
  }

  /** Names stand above or below their districts, where no sign is if there is such a place, and never over each other. */
  function placeNames(): (Box & { picture: Picture })[] {
    const placed: (Box & { picture: Picture })[] = []
    for (const { name, longitude, top, bottom } of names) {
      const { x, y: topY } = map.project([longitude, top])
      const { y: bottomY } = map.project([longitude, bottom])
      if (bottomY - topY < leastNamedPx) continue
      const picture = keep(`name ${name}`, () => drawName(name, colours))
      const { width, height } = picture
      const heights = away.flatMap((part) => [topY - part * height, bottomY + part * height])
      const boxes = aside.flatMap((part) => heights.map((y) => ({ x: x + part * width, y, width, height })))
      const box = findRoom(boxes, [...signs, ...placed]) ?? findRoom(boxes, placed)
      if (box !== null) placed.push({ ...box, picture })
    }
    return placed
  }

  function draw(): void {
    const ratio = map.getPixelRatio()
    const { width, height } = map.getCanvas()
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height })
      Object.assign(canvas.style, { width: `${width / ratio}px`, height: `${height / ratio}px` })
    }
    signs = placeSigns(readBounds(map, reachPx))
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width / ratio, height / ratio)
    // On whole pixels, which keeps letters sharp.
    const snap = (px: number) => Math.round(px * ratio) / ratio
    for (const { picture, x, y, width, height } of [...placeNames(), ...signs])
      context.drawImage(picture.image, snap(x - width / 2), snap(y - height / 2), width, height)
    clearTimeout(rest)
    rest = setTimeout(prepare, restMs)
  }

  map.on('render', () => {
    const { lng, lat } = map.getCenter()
    const { width, height } = map.getCanvas()
    const view = `${lng} ${lat} ${map.getZoom()} ${width} ${height}`
    if (view !== drawnView) draw()
    drawnView = view
  })

  return {
    /** Draws what changed in the set, once in the next frame. */
    refresh(): void {
      counted.clear()
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(draw)
    },
    name(districts: readonly DistrictName[]): void {
      names = districts
    },
    /** The group whose sign is at a place of the map, in pixels. */
    find({ x, y }: { x: number; y: number }): Group | undefined {
      return signs.findLast((sign) => Math.hypot(sign.x - x, sign.y - y) < sign.width / 2)?.group
    },
    /** Where the points of a group that is drawn are. */
    spread(group: Group): Bounds {
      const { byNumber } = findGrouping(map.getZoom())
      const own = Array.from(set.all()).filter(({ number }) => byNumber[number] === group)
      const { longitude, latitude } = group
      return findBounds(own) ?? { west: longitude, east: longitude, south: latitude, north: latitude }
    },
    close(): void {
      cancelAnimationFrame(frame)
      clearTimeout(rest)
    },
  }
}

/** The bounds of what a map shows, with some pixels around. */
function readBounds(map: MapLibreMap, aroundPx: number): Bounds {
  const { width, height } = map.getCanvas()
  const ratio = map.getPixelRatio()
  const { lng: west, lat: north } = map.unproject([-aroundPx, -aroundPx])
  const { lng: east, lat: south } = map.unproject([width / ratio + aroundPx, height / ratio + aroundPx])
  return { west, south, east, north }
}

/** Two digits of large numbers, so that pictures are few. */
function roundCount(count: number): number {
  const step = count < 1000 ? 1 : count < 10_000 ? 100 : 1000
  return step * Math.round(count / step)
}
