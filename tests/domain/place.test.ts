import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contains, distanceM, type Point, parseBox, parseCircle, parsePolygon } from '../../domain/place.ts'

const town: Point = [7.3389, 47.7467]

test('distances are those of the earth', () => {
  // Paris to Strasbourg, as geodesic calculators tell it: 397.4 km; a sphere is right to 0.5 %.
  expect(distanceM([2.3522, 48.8566], [7.7521, 48.5734])).toBeCloseTo(397_400, -3.5)
  expect(distanceM(town, town)).toBe(0)
  expect(distanceM([179.9, 0], [-179.9, 0])).toBeCloseTo(distanceM([0, 0], [0.2, 0]), 3)
})

test('areas are read from their texts, and nothing else is', () => {
  expect(contains(parseBox('7,47,8,48')!, town)).toBe(true)
  expect(contains(parseBox('170,-90,-170,90')!, [-175, 0])).toBe(true)
  expect(contains(parseBox('170,-90,-170,90')!, [0, 0])).toBe(false)
  expect(contains(parseCircle('7.3389,47.7557,1010')!, town)).toBe(true)
  expect(contains(parseCircle('7.3389,47.7557,990')!, town)).toBe(false)
  for (const text of ['', '1,2,3', '1,2,3,x', '7,48,8,47', '181,0,181,1', '0,0,0,91']) expect(parseBox(text)).toBeNull()
  for (const text of ['1,2', '1,2,0', '1,2,-5', '1,2,1e9', '200,0,5']) expect(parseCircle(text)).toBeNull()
  for (const text of ['0,0 1,1', '0,0 1,1 2', '0,0 1,1 2,x', Array(501).fill('0,0').join(' ')])
    expect(parsePolygon(text)).toBeNull()
})

test('a polygon holds what its shape holds, from whichever corner it is told', () => {
  // An L: its upper right quarter is outside.
  const corners = ['0,0', '4,0', '4,2', '2,2', '2,4', '0,4']
  fc.assert(
    fc.property(
      fc.double({ min: -1, max: 5, noNaN: true }),
      fc.double({ min: -1, max: 5, noNaN: true }),
      fc.nat(5),
      (x, y, turn) => {
        const ring = parsePolygon([...corners.slice(turn), ...corners.slice(0, turn)].join(' '))!
        fc.pre(![0, 2, 4].includes(x) && ![0, 2, 4].includes(y))
        const isInside = x > 0 && y > 0 && x < 4 && y < 4 && !(x > 2 && y > 2)
        expect(contains(ring, [x, y])).toBe(isInside)
      },
    ),
  )
})
