import type { DecodedReading } from '../../../domain/fault.ts'
import { ticChecksum } from './decode.ts'
import { historicLabels, historicTariffs, type LabelMeaning, standardLabels } from './labels.ts'

// A meter that has no date to tell: no season, and zeros.
const noDate = ' 000000000000'

/**
 * The TIC frame that a meter with these readings would send: historic mode when they have a register or a current of
 * that mode, standard mode otherwise. Historic totals are left out, since the meter has none.
 */
export function encodeTic(readings: readonly DecodedReading[]): Uint8Array {
  const tariff = historicTariffs.find(({ registers }) =>
    registers.some(([, channel]) => find(readings, 'energy_active_import', channel) !== undefined),
  )
  const isHistoric = tariff !== undefined || find(readings, 'current', '') !== undefined
  const separator = isHistoric ? ' ' : '\t'
  let frame = '\x02'
  for (const [label, meaning] of isHistoric ? historicLabels : standardLabels) {
    const value = find(readings, meaning.quantity, meaning.channel)
    if (value === undefined) continue
    const data = meaning.isPeriod === true ? (tariff?.periods[value - 1] ?? 'TH..') : formatNumber(value, meaning)
    const date = meaning.isDated === true ? `${noDate}${separator}` : ''
    const body = `${label}${separator}${date}${data}`
    frame += `\n${body}${separator}${ticChecksum(isHistoric ? body : body + separator)}\r`
  }
  return Buffer.from(`${frame}\x03`, 'latin1')
}

function find(readings: readonly DecodedReading[], quantity: string, channel: string): number | undefined {
  return readings.find((reading) => reading.quantity === quantity && reading.channel === channel)?.value
}

function formatNumber(value: number, { digits, scale = 1 }: LabelMeaning): string {
  const held = Math.min(10 ** digits - 1, Math.max(0, Math.round(value / scale)))
  return String(held).padStart(digits, '0')
}
