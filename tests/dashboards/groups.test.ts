import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assetStates } from '../../dashboards/web/src/asset-states.ts'
import { cellPx, countStates, type Group, groupPoints, lastGroupedZoom } from '../../dashboards/web/src/map/groups.ts'
import { findRoom } from '../../dashboards/web/src/map/names.ts'
import type { Point } from '../../dashboards/web/src/map/point.ts'

/* What stands together on the map. */

const anyPlace = fc.record({
  longitude: fc.double({ min: 7.2, max: 7.4, noNaN: true }),
  latitude: fc.double({ min: 47.7, max: 47.8, noNaN: true }),
  state: fc.constantFrom(...assetStates),
})
// Some numbers are those of points that are gone.
const anyPoints = fc
  .array(anyPlace, { maxLength: 200 })
  .map((places) => places.map((place, i): Point => ({ ...rest, ...place, id: `asset-${i}`, number: 3 * i })))
const rest = { label: '', kind: 'bench' as const, attentions: [], service: null, district: null }
const anyZoom = fc.integer({ min: 2, max: lastGroupedZoom })

/** Pixels between two places at a zoom, as MapLibre draws them. */
function measurePx(a: Pick<Group, 'longitude' | 'latitude'>, b: Pick<Group, 'longitude' | 'latitude'>, zoom: number) {
  const world = 512 * 2 ** zoom
  const toY = (latitude: number) => Math.log(Math.tan(Math.PI / 4 + (latitude * Math.PI) / 360)) / (2 * Math.PI)
  return Math.hypot(((a.longitude - b.longitude) / 360) * world, (toY(a.latitude) - toY(b.latitude)) * world)
}

test('every point is in one group, which stands near and knows how many of each state it holds', () => {
  fc.assert(
    fc.property(anyPoints, anyZoom, (points, zoom) => {
      const grouping = groupPoints(points, zoom)
      countStates(grouping, points)
      const held = new Map(grouping.groups.map((group) => [group, [] as Point[]]))
      for (const point of points) held.get(grouping.byNumber[point.number]!)!.push(point)
      for (const [group, own] of held) {
        expect(group.count).toBe(own.length)
        expect(own.map(({ id }) => id)).toContain(group.first)
        for (const state of assetStates)
          expect(group.states[state]).toBe(own.filter((each) => each.state === state).length)
        for (const point of own) expect(measurePx(point, group, zoom)).toBeLessThan(2.5 * cellPx)
      }
    }),
  )
})

test('no two groups of a zoom stand nearer than a sign is wide, and the fullest comes last', () => {
  fc.assert(
    fc.property(anyPoints, anyZoom, (points, zoom) => {
      const { groups } = groupPoints(points, zoom)
      for (const [i, a] of groups.entries()) {
        if (i > 0) expect(a.count).toBeGreaterThanOrEqual(groups[i - 1]!.count)
        for (const b of groups.slice(i + 1)) expect(measurePx(a, b, zoom)).toBeGreaterThan(0.999 * cellPx)
      }
    }),
  )
})

test('nearer than the last zoom that groups, each point stands for itself at its own place', () => {
  fc.assert(
    fc.property(anyPoints, (points) => {
      const { groups } = groupPoints(points, lastGroupedZoom + 1)
      const places = groups.map(({ first, longitude, latitude, count }) => ({ id: first, longitude, latitude, count }))
      expect(places).toEqual(points.map(({ id, longitude, latitude }) => ({ id, longitude, latitude, count: 1 })))
    }),
  )
})

test('a change of state counts anew and regroups nothing', () => {
  fc.assert(
    fc.property(anyPoints, anyZoom, fc.constantFrom(...assetStates), (points, zoom, state) => {
      const grouping = groupPoints(points, zoom)
      countStates(grouping, points)
      countStates(
        grouping,
        points.map((point) => ({ ...point, state })),
      )
      expect(grouping.groups.every(({ states, count }) => states[state] === count)).toBe(true)
      const again = groupPoints(
        points.map((point) => ({ ...point, state })),
        zoom,
      )
      expect(again.groups.map(({ first, count }) => [first, count])).toEqual(
        grouping.groups.map(({ first, count }) => [first, count]),
      )
    }),
  )
})

test('a name takes the first place that is free, and none where there is no room', () => {
  const at = (x: number, y: number) => ({ x, y, width: 80, height: 20 })
  const sign = { x: 10, y: 0, width: 36, height: 36 }
  expect(findRoom([at(0, 0), at(0, 27), at(0, 40)], [sign])).toEqual(at(0, 40))
  expect(findRoom([at(0, 0), at(0, 28)], [sign])).toEqual(at(0, 28))
  expect(findRoom([at(0, 0)], [sign])).toBe(null)
})
