import {
  addIntegration,
  type Integration,
  listIntegrations,
  renewIntegrationSecret,
  revokeIntegration,
} from '../inventory/integrations.ts'
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
  'integration secret': {
    usage: 'integration secret <name> [--secret s]',
    summary: {
      fr: 'Donne un autre secret à une intégration ; l’ancien ne vaut plus rien',
      en: 'Gives an integration another secret; the old one is of no use any more',
    },
    words: 1,
    options: { secret: { type: 'string' } },
    optionTexts: {
      secret: { fr: 'secret choisi, d’au moins 16 caractères', en: 'chosen secret, of at least 16 characters' },
    },
    async run({ access, print }, [name], values) {
      const { secret } = await renewIntegrationSecret(await access(), name!, { secret: textOption(values, 'secret') })
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
      const integration = toDocument(await revokeIntegration(await access(), name!))
      print(integration, `${name}  ${integration.revokedAt}`)
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
      const documents = items.map(toDocument)
      print(
        { items: documents, next },
        formatColumns(documents.map((each) => [each.name, each.format, each.topics.join(','), each.revokedAt])),
      )
    },
  },
}

function toDocument({ createdAt, secretSetAt, revokedAt, ...integration }: Integration) {
  return {
    ...integration,
    createdAt: toText(createdAt),
    secretSetAt: toText(secretSetAt),
    revokedAt: toText(revokedAt),
  }
}

function toText(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
