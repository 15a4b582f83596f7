import type uPlot from 'uplot'
import type { QuantityDefinition } from '../../../../../domain/quantity.ts'
import { type Line, type Mark, toColumns } from '../../chart.ts'
import { formatValue, type Writing } from '../../format.ts'

/** What is drawn. `from` and `to` are UTC epoch milliseconds. */
export type Drawing = {
  lines: readonly Line[]
  marks: readonly Mark[]
  from: number
  to: number
  quantity: QuantityDefinition | undefined
  style: 'line' | 'steps' | 'bars'
  writing: Writing
  /** Whether each line bears its name at its end, where there is room beside the chart. */
  isNamed: boolean
}

/** Colours by role, as the page's theme has them now. */
export type Palette = Record<'ink' | 'soft' | 'grid' | 'mark' | 'ground', string> & { lines: string[] }

// Of the chart and what stands around it, in pixels: with less, names take the room that lines need.
export const leastNamedWidth = 480
const dashes: readonly number[][] = [[], [8, 4], [2, 4], [10, 3, 2, 3]]
const earlierDash = [4, 4]
const font = '12px system-ui, sans-serif'
const labelHeight = 15
const longestLabel = 18
// "old device → new device"; a name by itself above the chart has more room than one at a line's end.
const longestMark = 40
const charWidth = 7
// Half of a date below the axis, whose last one may stand at the very end.
const dateMargin = 24
const dayMs = 86_400_000

/** uPlot's options for a drawing; `onzoom` is told the span that the reader dragged across. */
export function makeOptions(
  uplot: typeof uPlot,
  drawing: Drawing,
  palette: Palette,
  size: { width: number; height: number },
  on: { zoom(from: number, to: number): void; point(index: number | null): void },
): uPlot.Options {
  const { lines, from, to, quantity, style, writing, isNamed } = drawing
  const isState = style === 'steps'
  const labels = isNamed && lines.length > 1 ? lines.map((line) => shorten(line.name)) : []
  const labelWidth = Math.max(dateMargin, ...labels.map((label) => label.length * charWidth + 8))
  const tell = (value: number) => formatValue(value, quantity, writing)
  const axis = { stroke: palette.soft, font, grid: { stroke: palette.grid, width: 1 }, ticks: { stroke: palette.grid } }
  return {
    ...size,
    ms: 1,
    padding: [drawing.marks.length > 0 ? labelHeight + 6 : 12, Math.min(labelWidth, size.width / 3), 0, 0],
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 8 } },
    scales: {
      x: { time: true, range: () => [from, to] },
      y: { range: (_, low, high) => rangeOf(uplot, drawing, low, high) },
    },
    axes: [
      {
        ...axis,
        space: 64,
        size: 32,
        values: (_, splits, __, ___, step) => splits.map((time) => formatTick(time, step, writing)),
      },
      {
        ...axis,
        // States are told one by one; of anything else uPlot finds round values.
        ...(isState ? { splits: () => (quantity?.states ?? []).map((state) => state.value) } : {}),
        values: (_, splits) => splits.map(tell),
        size: (_, values) => Math.max(40, ...(values ?? []).map((text) => text.length * charWidth + 26)),
      },
    ],
    series: [
      {},
      ...lines.map((line, i): uPlot.Series => {
        const stroke = colourOf(line, i, palette)
        return {
          label: line.name,
          stroke,
          width: line.earlier ? 1.5 : 2,
          dash: dashOf(line, i),
          spanGaps: false,
          points: { show: false },
          ...(style === 'bars' && !line.earlier
            ? { fill: stroke, dash: [], paths: uplot.paths.bars!({ size: [0.7, 60], align: 1 }) }
            : {}),
          // A state holds until the next one is told.
          ...(isState || (style === 'bars' && line.earlier) ? { paths: uplot.paths.stepped!({ align: 1 }) } : {}),
        }
      }),
    ],
    hooks: {
      setCursor: [(plot) => on.point(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < 4) return
          on.zoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'))
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
        },
      ],
      draw: [
        (plot) => drawLonePoints(plot, drawing, palette),
        (plot) => drawMarks(plot, drawing.marks, palette),
        (plot) => drawLabels(plot, labels, palette),
      ],
    },
  }
}

/** The columns that uPlot draws. */
export function makeData(lines: readonly Line[]): uPlot.AlignedData {
  const { times, values } = toColumns(lines)
  return [times, ...values] as uPlot.AlignedData
}

// A share of a whole is read against the whole; what is summed up, against nothing.
function rangeOf(uplot: typeof uPlot, { quantity, style }: Drawing, low: number, high: number): [number, number] {
  if (style === 'steps') return [-0.3, Math.max(1, high ?? 1) + 0.3]
  if (low === null || high === null) return [0, 1]
  if (style === 'bars') return [0, high * 1.05 || 1]
  if (quantity?.unit === '%' && low >= 0 && high <= 100) return [0, 100]
  const [least, most] = uplot.rangeNum(low, high, 0.1, true)
  return [least ?? low, most ?? high]
}

const tickFormats = new Map<string, Intl.DateTimeFormat>()

function formatTick(time: number, stepMs: number, { locale }: Writing): string {
  const date = new Date(time)
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0
  const options: Intl.DateTimeFormatOptions =
    stepMs < dayMs && !isMidnight
      ? { hour: '2-digit', minute: '2-digit' }
      : stepMs < 28 * dayMs
        ? { day: 'numeric', month: 'short' }
        : { month: 'short', year: '2-digit' }
  const key = `${locale} ${JSON.stringify(options)}`
  const format = tickFormats.get(key) ?? new Intl.DateTimeFormat(locale, options)
  tickFormats.set(key, format)
  return format.format(date)
}

function shorten(text: string, longest = longestLabel): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

/** A reading between two gaps is no line: it is drawn as a dot, or it would not be seen. */
function drawLonePoints(plot: uPlot, { style, lines }: Drawing, palette: Palette): void {
  if (style !== 'line') return
  const { ctx, data } = plot
  for (const [i, line] of lines.entries()) {
    const told = valuesOf(data, i).flatMap((value, at) => (value === undefined ? [] : [{ value, time: data[0][at]! }]))
    ctx.fillStyle = colourOf(line, i, palette)
    for (const [j, { value, time }] of told.entries()) {
      if (value === null || told[j - 1]?.value != null || told[j + 1]?.value != null) continue
      ctx.beginPath()
      ctx.arc(plot.valToPos(time, 'x', true), plot.valToPos(value, 'y', true), 3 * devicePixelRatio, 0, 2 * Math.PI)
      ctx.fill()
    }
  }
}

function valuesOf(data: uPlot.AlignedData, i: number) {
  return Array.from(data[i + 1] as ArrayLike<number | null | undefined>)
}

/** How a line is drawn, beside its colour: lengths of strokes and gaps. */
export function dashOf(line: Line, i: number): number[] {
  return line.earlier ? earlierDash : dashes[i % dashes.length]!
}

export function colourOf(line: Line, i: number, palette: Palette): string {
  return line.earlier ? palette.soft : palette.lines[i % palette.lines.length]!
}

function drawMarks(plot: uPlot, marks: readonly Mark[], palette: Palette): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  let free = Number.NEGATIVE_INFINITY
  for (const { time, name } of marks) {
    const x = plot.valToPos(time, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.save()
    ctx.strokeStyle = palette.mark
    ctx.fillStyle = palette.ink
    ctx.lineWidth = 1.5 * ratio
    ctx.setLineDash([3 * ratio, 3 * ratio])
    ctx.textAlign = 'left'
    ctx.textBaseline = 'alphabetic'
    ctx.beginPath()
    ctx.moveTo(x, bbox.top - 4 * ratio)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    scaleFont(ctx)
    const text = shorten(name, longestMark)
    const { width } = ctx.measureText(text)
    const left = Math.max(0, Math.min(x - width / 2, bbox.left + bbox.width - width))
    // Names that would stand on each other are left to the list below the chart.
    if (left > free) ctx.fillText(text, left, bbox.top - 8 * ratio)
    free = Math.max(free, left + width + 6 * ratio)
    ctx.restore()
  }
}

/** The name of each line at its end, moved apart where lines end together. */
function drawLabels(plot: uPlot, labels: readonly string[], palette: Palette): void {
  if (labels.length === 0) return
  const { ctx, bbox } = plot
  const height = labelHeight * devicePixelRatio
  const ends = labels.flatMap((text, i) => {
    const last = valuesOf(plot.data, i).findLast((value) => value != null)
    return last == null ? [] : [{ text, i, y: plot.valToPos(last, 'y', true) }]
  })
  ends.sort((a, b) => a.y - b.y)
  ctx.save()
  scaleFont(ctx)
  ctx.fillStyle = palette.ink
  ctx.textAlign = 'left'
  ctx.textBaseline = 'middle'
  let lowest = Number.NEGATIVE_INFINITY
  for (const { text, y } of ends) {
    const at = Math.max(y, lowest + height)
    ctx.fillText(text, bbox.left + bbox.width + 6 * devicePixelRatio, at)
    lowest = at
  }
  ctx.restore()
}

// uPlot draws in the device's own pixels.
function scaleFont(ctx: CanvasRenderingContext2D): void {
  ctx.font = font.replace('12px', `${12 * devicePixelRatio}px`)
}
