import type { DecodedReading, Decoding } from '../../../domain/fault.ts'
import { addFault, closeFaults, type FaultList, newFaultList } from '../../fault-list.ts'
import { historicLabels, historicTariffs, standardLabels, tariffOfPeriod } from './labels.ts'

// Six bits of checksum do not see the upper bits of a character: a label is also held to the letters that labels have.
const labelPattern = /^[A-Z][A-Z0-9+-]*$/

/** The checksum of a group: the low six bits of the sum of its characters, made printable by adding a space. */
export function ticChecksum(text: string): string {
  let sum = 0
  for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at)
  return String.fromCharCode((sum & 0x3f) + 0x20)
}

/**
 * Decodes the TIC frames of a Linky meter, historic or standard mode. Each group is judged by its own checksum: a wrong
 * one is a fault that names the group, and the others are kept. A payload may hold several frames, which are all read
 * at `receivedAt`: so only the last value of each series is given. Dates are not used, since a meter's clock needs not
 * be right. A reader may begin and end within a frame: what is left of a group at either end is left out.
 */
export function decodeTic(payload: Uint8Array): Decoding {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1')
  const faults = newFaultList()
  const readings = new Map<string, DecodedReading>()
  let rightGroups = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: STX, ETX and EOT are what frames begin and end with.
  const frames = text.split(/[\x02\x03\x04]/).map((frame) => frame.split(/[\r\n]+/))
  for (const [index, groups] of frames.entries()) {
    const energies = new Map<string, number>()
    for (const [at, group] of groups.entries()) {
      if (group === '') continue
      const isFirst = index === 0 && at === 0
      const isLast = index === frames.length - 1 && at === groups.length - 1
      const end = isLast ? 'last' : isFirst && text.includes('\x02') ? 'first' : undefined
      if (readGroup(group, end, energies, readings, faults)) rightGroups++
    }
    for (const { registers } of historicTariffs) {
      const parts = registers.map(([, channel]) => energies.get(channel))
      if (!parts.every((part) => part !== undefined)) continue
      keep(readings, {
        channel: '',
        quantity: 'energy_active_import',
        value: parts.reduce((sum, part) => sum + part, 0),
      })
    }
  }
  if (rightGroups === 0 && faults.kept.length === 0) addFault(faults, 'tic_no_group')
  return { readings: [...readings.values()], faults: closeFaults(faults) }
}

// Answers whether the text is a group with a right checksum, of use or not. `end` tells that it may be the rest of one:
// the last of the payload, or the first one before the first frame.
function readGroup(
  group: string,
  end: 'first' | 'last' | undefined,
  energies: Map<string, number>,
  readings: Map<string, DecodedReading>,
  faults: FaultList,
): boolean {
  const isStandard = group.includes('\t')
  const separator = isStandard ? '\t' : ' '
  // The checksum may itself be the separator of the historic mode: so it is taken by position, not by splitting.
  const body = group.slice(0, -2)
  const firstSeparator = body.indexOf(separator)
  const label = body.slice(0, Math.max(firstSeparator, 0))
  if (group.at(-2) !== separator || !labelPattern.test(label)) {
    if (end === undefined) addFault(faults, 'tic_bad_group', { group })
    return false
  }
  const expected = ticChecksum(isStandard ? group.slice(0, -1) : body)
  const found = group.at(-1)!
  if (found !== expected) {
    if (end !== 'first') addFault(faults, 'tic_bad_checksum', { label, found, expected })
    return false
  }
  const meaning = (isStandard ? standardLabels : historicLabels).get(label)
  if (meaning === undefined) return true
  const { quantity, channel, isPeriod, isRegister } = meaning
  // The data is what follows the last separator, after the date where there is one.
  const data = body.slice(isStandard ? body.lastIndexOf(separator) + 1 : firstSeparator + 1)
  if (isPeriod) keep(readings, { channel, quantity, value: tariffOfPeriod(data) })
  else if (/^\d{1,12}$/.test(data)) {
    keep(readings, { channel, quantity, value: Number(data) })
    if (isRegister) energies.set(channel, Number(data))
  } else addFault(faults, 'not_a_number', { quantity, value: `"${data}"`, where: ` (${label})` })
  return true
}

function keep(readings: Map<string, DecodedReading>, reading: DecodedReading): void {
  readings.set(`${reading.quantity} ${reading.channel}`, reading)
}
