import type { AssetKind } from '../../../../../domain/asset-kind.ts'
import type { Label, QuantityDefinition } from '../../../../../domain/quantity.ts'
import type { AssetStatus } from '../../api.ts'
import { catalogue } from '../../catalogue.svelte.ts'
import { formatNumber, formatValue, type Writing } from '../../format.ts'

/** What the API answers of the figures of a kind. */
export type FigureRow = AssetStatus & { figures: Record<string, { value: number; observedAt: string | null } | null> }
export type Figure = {
  name: string
  label: Label
  unit: string
  decimals: number
  quantity: string
  isReading: boolean
  known: number
}
export type Task = { code: string; label: Label; count: number }
export type FigureAnswer = {
  items: FigureRow[]
  next: string | null
  total: number
  tasks: Task[]
  figures: Figure[]
}

/** A kind of a service's page: what its chart shows, and what its list is sorted by to begin with. */
export type ServiceKind = { kind: AssetKind; quantities: readonly string[]; sort: string }

const daysFrom = 48

/** A figure as people read it: a reading like any other, a time in hours or days, a share with a sign where it changed. */
export function formatFigure(figure: Figure, value: number, writing: Writing): string {
  const quantity = catalogue.quantity(figure.quantity)
  if (figure.isReading && quantity !== undefined) return formatValue(value, quantity, writing)
  const { unit, decimals } = figure
  if (unit === 'h' && decimals === 0) {
    const [number, name] = value >= daysFrom ? [value / 24, 'day'] : [value, 'hour']
    const options = {
      style: 'unit',
      unit: name,
      unitDisplay: 'short',
      maximumFractionDigits: name === 'day' ? 1 : 0,
    } as const
    return formatNumber(number, writing, options)
  }
  if (figure.name === 'change')
    return formatNumber(value / 100, writing, { style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: 0 })
  const definition: QuantityDefinition = { unit, decimals, kind: 'gauge', min: 0, max: 0, label: figure.label }
  return formatValue(value, definition, writing)
}
