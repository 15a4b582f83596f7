import { faultText } from '../domain/fault.ts'
import { groupDeadLetters } from '../inventory/dead-letters.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import { type Command, formatColumns, pageOptionConfig, pageOptions, pageOptionTexts, textOption } from './command.ts'

export const deadLetterCommands: Record<string, Command> = {
  'dead-letter groups': {
    usage: 'dead-letter groups',
    summary: {
      fr: 'Groupe les messages écartés par cause : motif, modèle, défaut',
      en: 'Groups the dead letters by cause: reason, model, fault',
    },
    words: 0,
    options: {},
    async run({ config, access, print }) {
      const reader = openIngestReader(config.PARVIS_DATA_DIR)
      try {
        const items = (await groupDeadLetters(await access(), reader)).map(({ firstAt, lastAt, ...group }) => ({
          ...group,
          firstAt: new Date(firstAt).toISOString(),
          lastAt: new Date(lastAt).toISOString(),
        }))
        const rows = items.map(({ count, reason, model, code, quantity, deviceCount, newestId }) => [
          count,
          reason,
          model,
          quantity ?? code,
          deviceCount,
          newestId,
        ])
        print({ items, next: null }, formatColumns(rows))
      } finally {
        reader.close()
      }
    },
  },
  'dead-letter list': {
    usage: 'dead-letter list [--device d] [--reason r] [--limit n] [--cursor c]',
    summary: {
      fr: 'Liste les messages écartés, du plus récent au plus ancien',
      en: 'Lists the dead letters, newest first',
    },
    words: 0,
    options: { device: { type: 'string' }, reason: { type: 'string' }, ...pageOptionConfig },
    optionTexts: {
      device: { fr: 'un seul appareil', en: 'one device only' },
      reason: { fr: 'un seul motif', en: 'one reason only' },
      ...pageOptionTexts,
    },
    async run({ config, language, print }, _, values) {
      const reader = openIngestReader(config.PARVIS_DATA_DIR)
      try {
        const { limit, cursor } = pageOptions(values)
        const deviceId = textOption(values, 'device')
        const reason = textOption(values, 'reason')
        const letters = reader.deadLetters({
          limit,
          ...(cursor === undefined ? {} : { before: Number(cursor) }),
          ...(deviceId === undefined ? {} : { deviceId }),
          ...(reason === undefined ? {} : { reason }),
        })
        const items = letters.map((letter) => ({
          id: String(letter.seq),
          reason: letter.reason,
          detail: letter.faults.map((fault) => faultText(fault, language)).join(' '),
          deviceId: letter.deviceId,
          topic: letter.topic,
          payload: Buffer.from(letter.payload).toString('base64'),
          payloadHex: Buffer.from(letter.payload.subarray(0, 1024)).toString('hex'),
          receivedAt: new Date(letter.receivedAt).toISOString(),
        }))
        print(
          { items, next: items.length === limit ? items.at(-1)!.id : null },
          formatColumns(items.map((each) => [each.id, each.receivedAt, each.deviceId, each.reason, each.detail])),
        )
      } finally {
        reader.close()
      }
    },
  },
}
