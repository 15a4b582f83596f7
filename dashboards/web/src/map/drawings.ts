import type { AssetState } from '../../../../domain/asset.ts'
import type { AssetKind } from '../../../../domain/asset-kind.ts'
import { assetStates } from '../asset-states.ts'
import { kindIcons } from './kind-icons.ts'

/*
 * What stands on the map, drawn here, so that no font and no picture comes from elsewhere. A state is told by its shape
 * first: a badge on an asset, the stroke of its ring, the stroke of an arc on a group.
 */

/** The colours of the page's theme. */
export type Colours = Record<
  'ground' | 'surface' | 'raised' | 'line' | 'lineStrong' | 'ink' | 'inkSoft' | 'accent' | AssetState,
  string
>

const variables: Record<keyof Colours, string> = {
  ground: '--ground',
  surface: '--surface',
  raised: '--raised',
  line: '--line',
  lineStrong: '--line-strong',
  ink: '--ink',
  inkSoft: '--ink-soft',
  accent: '--accent',
  working: '--working',
  attention: '--attention',
  silent: '--silent',
  never_seen: '--never-seen',
  out_of_service: '--out-of-service',
}

/** The colours as they are on an element now. */
export function readColours(element: HTMLElement): Colours {
  const probe = document.createElement('span')
  element.append(probe)
  const read = (variable: string) => {
    probe.style.color = `var(${variable})`
    return getComputedStyle(probe).color
  }
  const colours = Object.fromEntries(Object.entries(variables).map(([name, variable]) => [name, read(variable)]))
  probe.remove()
  return colours as Colours
}

/** What is drawn once and put on the map many times, and its size there in pixels. */
export type Picture = { image: ImageBitmap; width: number; height: number }

/** Pixels of a picture for one of the page. */
const pixelRatio = Math.min(2, Math.ceil(devicePixelRatio))

// The strokes of a ring or an arc by state: width, and dashes.
const strokes: Record<AssetState, { width: number; dash: number[] }> = {
  working: { width: 2, dash: [] },
  attention: { width: 4, dash: [] },
  silent: { width: 4, dash: [4, 2.5] },
  never_seen: { width: 2, dash: [1.5, 2.5] },
  out_of_service: { width: 1.5, dash: [6, 3] },
}

// The same shapes as those of the words beside lists, in a square of 12 by 12.
const badges: Partial<Record<AssetState, { path: string; isLine: boolean }>> = {
  attention: { path: 'M6 1l5.4 9.6H.6z', isLine: false },
  silent: { path: 'M2.2 2.2l7.6 7.6M9.8 2.2L2.2 9.8', isLine: true },
  never_seen: { path: 'M2 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0', isLine: true },
  out_of_service: { path: 'M1.5 6h9', isLine: true },
}

/** An asset: the sign of its kind in a ring, and its state as the ring's stroke and a badge. */
export function drawPoint(kind: AssetKind, state: AssetState, colours: Colours): Picture {
  const size = 36
  const radius = 12
  const context = startDrawing(size, size)
  context.translate(size / 2, size / 2)
  drawDisc(context, radius, colours.surface)
  drawArc(context, radius, 0, 1, state, colours)
  context.save()
  context.translate(-7.2, -7.2)
  context.scale(0.9, 0.9)
  context.lineWidth = 1.5
  context.lineCap = context.lineJoin = 'round'
  context.strokeStyle = colours.ink
  context.stroke(new Path2D(kindIcons[kind]))
  context.restore()
  const badge = badges[state]
  if (badge !== undefined) {
    context.translate(3.5, -16.5)
    context.fillStyle = colours.surface
    context.beginPath()
    context.arc(6, 6, 7, 0, 2 * Math.PI)
    context.fill()
    const path = new Path2D(badge.path)
    context.fillStyle = context.strokeStyle = colours[state]
    context.lineWidth = 2.2
    context.lineCap = 'round'
    if (badge.isLine) context.stroke(path)
    else context.fill(path)
  }
  return finishDrawing(context)
}

/** Parts of a whole that arcs are cut to. */
export const arcSteps = 16

/** A group: its number, in a ring of one arc for each of `assetStates`, by sixteenths. */
export function drawGroup(text: string, count: number, parts: readonly number[], colours: Colours): Picture {
  const radius = count < 10 ? 15 : count < 100 ? 18 : count < 1000 ? 22 : 26
  const size = 2 * radius + 8
  const context = startDrawing(size, size)
  context.translate(size / 2, size / 2)
  drawDisc(context, radius, colours.surface)
  let from = 0
  const total = parts.reduce((sum, part) => sum + part, 0)
  for (const [i, state] of assetStates.entries()) {
    const share = parts[i]! / total
    if (share > 0) drawArc(context, radius, from, from + share, state, colours)
    from += share
  }
  context.fillStyle = colours.ink
  context.font = `600 ${count < 1000 ? 13 : 14}px system-ui, sans-serif`
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.fillText(text, 0, 0.5, 2 * radius - 8)
  return finishDrawing(context)
}

function drawDisc(context: OffscreenCanvasRenderingContext2D, radius: number, colour: string): void {
  context.fillStyle = colour
  context.beginPath()
  context.arc(0, 0, radius, 0, 2 * Math.PI)
  context.fill()
}

/** An arc from one share of the circle to another, clockwise from the top. */
function drawArc(
  context: OffscreenCanvasRenderingContext2D,
  radius: number,
  from: number,
  to: number,
  state: AssetState,
  colours: Colours,
): void {
  const { width, dash } = strokes[state]
  const gap = to - from < 1 ? 0.06 : 0
  context.save()
  context.strokeStyle = colours[state]
  context.lineWidth = width
  context.setLineDash(dash)
  context.beginPath()
  context.arc(0, 0, radius - 1, (from - 0.25) * 2 * Math.PI + gap, (to - 0.25) * 2 * Math.PI - gap)
  context.stroke()
  context.restore()
}

/** The name of a district, which any ground and outline may lie under. */
export function drawName(name: string, colours: Colours): Picture {
  const font = '13px system-ui, sans-serif'
  const padding = 4
  const measured = startDrawing(1, 1)
  measured.font = font
  const height = 20
  const width = Math.ceil(measured.measureText(name).width) + 2 * padding
  const context = startDrawing(width, height)
  context.font = font
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.lineJoin = 'round'
  context.lineWidth = 3
  context.strokeStyle = colours.ground
  context.strokeText(name, width / 2, height / 2)
  context.fillStyle = colours.inkSoft
  context.fillText(name, width / 2, height / 2)
  return finishDrawing(context)
}

function startDrawing(width: number, height: number): OffscreenCanvasRenderingContext2D {
  // In memory: so small a drawing costs a graphics card more than it saves.
  const canvas = new OffscreenCanvas(width * pixelRatio, height * pixelRatio)
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.scale(pixelRatio, pixelRatio)
  return context
}

function finishDrawing({ canvas }: OffscreenCanvasRenderingContext2D): Picture {
  const { width, height } = canvas
  return { image: canvas.transferToImageBitmap(), width: width / pixelRatio, height: height / pixelRatio }
}
