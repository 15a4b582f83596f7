import { addIntegration, listIntegrations, revokeIntegration } from '../inventory/integrations.ts'
import {
  type Command,
  formatColumns,
  neededOption,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
} from './command.ts'

export const integrationCommands: Record<string, Command> = {
  'integration add': {
    usage: 'integration add <name> --format f --topics "application/#" [--secret s]',
    summary: {
      fr: 'Ajoute une intégration (un serveur de réseau) et donne son secret, une seule fois',
      en: 'Adds an integration (a network server) and tells its secret, once',
    },
    words: 1,
    options: { format: { type: 'string' }, topics: { type: 'string' }, secret: { type: 'string' } },
    optionTexts: {
      format: { fr: 'format de ses messages', en: 'format of its messages' },
      topics: { fr: 'filtres de sujets MQTT, séparés par des virgules', en: 'MQTT topic filters, separated by commas' },
      secret: { fr: 'secret choisi, d’au moins 16 caractères', en: 'chosen secret, of at least 16 characters' },
    },
    async run({ access, print }, [name], values) {
      const { secret } = await addIntegration(await access(), {
        name: name!,
        format: neededOption(values, 'format'),
        topics: neededOption(values, 'topics')
          .split(',')
          .map((topic) => topic.trim()),
        secret: textOption(values, 'secret'),
      })
      print({ name, secret }, `${name}  ${secret}`)
    },
  },
  'integration revoke': {
    usage: 'integration revoke <name>',
    summary: {
      fr: 'Retire à une intégration le droit de se connecter',
      en: 'Takes from an integration the right to connect',
    },
    words: 1,
    options: {},
    async run({ access, print }, [name]) {
      const { createdAt, revokedAt, ...integration } = await revokeIntegration(await access(), name!)
      print(
        { ...integration, createdAt: toText(createdAt), revokedAt: toText(revokedAt) },
        `${name}  ${toText(revokedAt)}`,
      )
    },
  },
  'integration list': {
    usage: 'integration list [--limit n] [--cursor c]',
    summary: { fr: 'Liste les intégrations', en: 'Lists the integrations' },
    words: 0,
    options: pageOptionConfig,
    optionTexts: pageOptionTexts,
    async run({ access, print }, _, values) {
      const { items, next } = await listIntegrations(await access(), pageOptions(values))
      const documents = items.map((each) => ({
        ...each,
        createdAt: toText(each.createdAt),
        revokedAt: toText(each.revokedAt),
      }))
      print(
        { items: documents, next },
        formatColumns(documents.map((each) => [each.name, each.format, each.topics.join(','), each.revokedAt])),
      )
    },
  },
}

function toText(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
