import { readFileSync } from 'node:fs'
import { openScriptPool } from '../devices/scripts/pool.ts'
import { commandStates, newCommandSchema } from '../domain/command.ts'
import { tellDetail } from '../domain/problem.ts'
import { addCommand, cancelCommand, type DeviceCommand, listCommands } from '../inventory/commands.ts'
import { parseInput } from '../inventory/input.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import {
  type Command,
  formatColumns,
  numberOption,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
  timeOption,
  UsageError,
} from './command.ts'

export const deviceCommandCommands: Record<string, Command> = {
  'device command': {
    usage: 'device command <id> (--data j | --hex h | --base64 b) [--port p] [--confirmed] [--expires t]',
    summary: {
      fr: 'Commande un appareil ; la plateforme envoie, tout de suite ou quand il écoute',
      en: 'Commands a device; the platform sends it, now or when the device listens',
    },
    words: 1,
    options: {
      data: { type: 'string' },
      hex: { type: 'string' },
      base64: { type: 'string' },
      port: { type: 'string' },
      confirmed: { type: 'boolean' },
      expires: { type: 'string' },
    },
    optionTexts: {
      data: {
        fr: 'ce que le modèle code, en JSON ou @fichier : {"dimming_level": 40}',
        en: 'what the model encodes, in JSON or @file: {"dimming_level": 40}',
      },
      hex: { fr: 'octets en hexadécimal', en: 'bytes in hexadecimal' },
      base64: { fr: 'octets en base64', en: 'bytes in base64' },
      port: { fr: 'port LoRaWAN', en: 'LoRaWAN port' },
      confirmed: { fr: 'demande une confirmation à l’appareil', en: 'asks the device for a confirmation' },
      expires: { fr: 'jusqu’à quand elle attend (un jour)', en: 'until when it waits (a day)' },
    },
    async run({ config, access, print, language }, [id], values) {
      const pool = openScriptPool({ log: () => {} })
      const reader = openIngestReader(config.PARVIS_DATA_DIR)
      try {
        const data = textOption(values, 'data')
        const expiresAt = timeOption(values, 'expires')
        const asked = parseInput(newCommandSchema, {
          ...(data === undefined ? {} : { data: parseData(data) }),
          hex: textOption(values, 'hex'),
          base64: textOption(values, 'base64'),
          fPort: numberOption(values, 'port'),
          confirmed: values.confirmed === true,
          ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
        })
        const command = await addCommand(await access(), { pool, reader }, id!, asked)
        print(tell(command, language), `${command.id}  ${command.state}  ${Buffer.from(command.bytes).toString('hex')}`)
      } finally {
        reader.close()
        await pool.close()
      }
    },
  },
  'device commands': {
    usage: 'device commands <id> [--state s] [--limit n] [--cursor c]',
    summary: { fr: 'Liste les commandes d’un appareil', en: 'Lists the commands to a device' },
    words: 1,
    options: { state: { type: 'string' }, ...pageOptionConfig },
    optionTexts: { state: { fr: commandStates.join(', '), en: commandStates.join(', ') }, ...pageOptionTexts },
    async run({ access, print, language }, [id], values) {
      const state = commandStates.find((each) => each === textOption(values, 'state'))
      if (values.state !== undefined && state === undefined) throw new UsageError(`--state ${values.state}`)
      const { items, next } = await listCommands(await access(), id!, { ...pageOptions(values), state })
      const told = items.map((command) => tell(command, language))
      print(
        { items: told, next },
        formatColumns(told.map((each) => [each.createdAt, each.id, each.state, each.payloadHex, each.detail])),
      )
    },
  },
  'device cancel': {
    usage: 'device cancel <id> <command>',
    summary: { fr: 'Annule une commande qui attend encore', en: 'Takes back a command that still waits' },
    words: 2,
    options: {},
    async run({ access, print, language }, [id, commandId]) {
      const command = await cancelCommand(await access(), id!, commandId!)
      print(tell(command, language), `${command.id}  ${command.state}`)
    },
  },
}

function parseData(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text)
  } catch (error) {
    throw new UsageError(`--data: ${(error as Error).message}`)
  }
}

function tell(command: DeviceCommand, language: 'fr' | 'en') {
  const { bytes, port, detail, createdAt, expiresAt, sentAt, endedAt, ...rest } = command
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString())
  return {
    ...rest,
    payloadHex: Buffer.from(bytes).toString('hex'),
    fPort: port,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    sentAt: time(sentAt),
    endedAt: time(endedAt),
    detail: detail === null ? null : tellDetail(detail, language),
  }
}
