import { z } from 'zod'
import { say } from './issue.ts'
import type { Quantity } from './quantity.ts'
import type { Reading } from './reading.ts'

/** What a pulse may stand for. */
const pulseQuantities = [
  'water_volume',
  'gas_volume',
  'energy_active_import',
  'energy_active_export',
] as const satisfies readonly Quantity[]

const metres = z.number().min(0).max(1000)
const ratio = z.number().positive().max(1e6)

/**
 * What is known of the place where a device hangs, and not of the device: it turns what the device says into what is
 * true of the asset. It is applied when readings are read, so that a correction mends history too.
 */
export const calibrationSchema = z
  .strictObject({
    fill: z
      .strictObject({ emptyM: metres, fullM: metres })
      .refine(({ emptyM, fullM }) => emptyM !== fullM, {
        error: say({ fr: 'vide et plein sont à la même distance', en: 'empty and full are the same distance' }),
      })
      .optional()
      .describe(
        'Distances, in metres, from the sensor to the bottom and to the full level: `distance` gives `fill_level`.',
      ),
    pulse: z
      .strictObject({ quantity: z.enum(pulseQuantities), perPulse: z.number().positive().max(1e9) })
      .optional()
      .describe('What one pulse stands for, in the unit of its quantity: `pulse_count` gives that quantity.'),
    transformer: z
      .strictObject({ currentRatio: ratio.optional(), voltageRatio: ratio.optional() })
      .optional()
      .describe('Ratios of the transformers before a meter: currents, voltages, powers and energies are multiplied.'),
  })
  .meta({ examples: [{ fill: { emptyM: 1.8, fullM: 0.3 } }] })
export type Calibration = z.infer<typeof calibrationSchema>

/** How a quantity of an asset is made from what the device said. With `factor`, it is that factor and nothing else. */
export type Source = { quantity: Quantity; convert(value: number): number; factor: number | null }

// Which of a transformer's two ratios a quantity is multiplied by.
const transformed: Partial<Record<Quantity, readonly ('currentRatio' | 'voltageRatio')[]>> = {
  current: ['currentRatio'],
  voltage: ['voltageRatio'],
  active_power: ['currentRatio', 'voltageRatio'],
  apparent_power: ['currentRatio', 'voltageRatio'],
  reactive_power: ['currentRatio', 'voltageRatio'],
  energy_active_import: ['currentRatio', 'voltageRatio'],
  energy_active_export: ['currentRatio', 'voltageRatio'],
}

/** What a quantity of the asset is made from. */
export function sourceOf(calibration: Calibration | null, quantity: Quantity): Source {
  const { fill, pulse, transformer } = calibration ?? {}
  if (fill !== undefined && quantity === 'fill_level') {
    const { emptyM, fullM } = fill
    const convert = (distance: number) => Math.min(100, Math.max(0, (100 * (emptyM - distance)) / (emptyM - fullM)))
    return { quantity: 'distance', convert, factor: null }
  }
  if (pulse !== undefined && quantity === pulse.quantity) return times('pulse_count', pulse.perPulse)
  const ratios = transformer === undefined ? [] : (transformed[quantity] ?? [])
  return times(
    quantity,
    ratios.reduce((product, name) => product * (transformer?.[name] ?? 1), 1),
  )
}

/**
 * The quantities of the asset that are made from one of the device. What a calibration makes stands in place of what
 * the device says of the same quantity.
 */
export function madeFrom(calibration: Calibration | null, raw: Quantity): Quantity[] {
  const { fill, pulse } = calibration ?? {}
  const made: Quantity[] = [raw]
  if (fill !== undefined && raw === 'distance') made.push('fill_level')
  if (pulse !== undefined && raw === 'pulse_count') made.push(pulse.quantity)
  return made.filter((quantity) => sourceOf(calibration, quantity).quantity === raw)
}

/** One reading of a device as readings of the asset that it hangs on. */
export function calibrate<Any extends Pick<Reading, 'quantity' | 'value'>>(
  calibration: Calibration | null,
  reading: Any,
): Any[] {
  return madeFrom(calibration, reading.quantity).map((quantity) => ({
    ...reading,
    quantity,
    value: sourceOf(calibration, quantity).convert(reading.value),
  }))
}

function times(quantity: Quantity, factor: number): Source {
  return { quantity, convert: (value) => value * factor, factor }
}
