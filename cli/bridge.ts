import { readFileSync } from 'node:fs'
import { Problem } from '../domain/problem.ts'
import {
  addBridge,
  type Bridge,
  type BridgeChanges,
  changeBridge,
  listBridges,
  removeBridge,
} from '../inventory/bridges.ts'
import { readBridgeStates } from '../store/bridge-states.ts'
import {
  badOption,
  type Command,
  formatColumns,
  neededOption,
  numberOption,
  type OptionValues,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
} from './command.ts'

const settingOptions = {
  url: { type: 'string' },
  topics: { type: 'string' },
  qos: { type: 'string' },
  user: { type: 'string' },
  password: { type: 'string' },
  'password-file': { type: 'string' },
  'client-id': { type: 'string' },
  ca: { type: 'string' },
  insecure: { type: 'boolean' },
} as const

const settingTexts = {
  url: { fr: 'adresse de l’autre broker', en: 'address of the other broker' },
  topics: { fr: 'filtres de sujets, séparés par des virgules', en: 'topic filters, separated by commas' },
  qos: { fr: 'qualité de service, 0 ou 1 (1)', en: 'quality of service, 0 or 1 (1)' },
  user: { fr: 'nom d’utilisateur là-bas', en: 'user name there' },
  password: { fr: 'mot de passe ou clé d’API là-bas', en: 'password or API key there' },
  'password-file': { fr: 'fichier qui contient le mot de passe', en: 'file that holds the password' },
  'client-id': { fr: 'identifiant de client là-bas', en: 'client id there' },
  ca: { fr: 'certificats de l’autorité, fichier PEM', en: 'certificates of its authority, a PEM file' },
  insecure: { fr: 'ne pas vérifier le certificat', en: 'do not check the certificate' },
}

export const bridgeCommands: Record<string, Command> = {
  'bridge add': {
    usage: 'bridge add <name> --integration i --url mqtts://host:8883 --topics "a/#" [--user u] [--password p]',
    summary: {
      fr: 'Ajoute un pont : Parvis va chercher les messages d’un autre broker',
      en: 'Adds a bridge: Parvis fetches the messages of another broker',
    },
    words: 1,
    options: { integration: { type: 'string' }, ...settingOptions },
    optionTexts: {
      integration: { fr: 'intégration dont ce sont les messages', en: 'integration whose messages these are' },
      ...settingTexts,
    },
    async run({ access, print }, [name], values) {
      const { url = '', topics = [], ...rest } = readSettings(values)
      const bridge = await addBridge(await access(), {
        name: name!,
        integration: neededOption(values, 'integration'),
        url: url === '' ? neededOption(values, 'url') : url,
        topics: topics.length === 0 ? [neededOption(values, 'topics')] : topics,
        ...rest,
      })
      print(tellBridge(bridge), `${bridge.name}  ${bridge.url}  ${bridge.topics.join(',')}`)
    },
  },
  'bridge change': {
    usage: 'bridge change <name> [--url u] [--topics "a/#"] [--user u] [--password p]',
    summary: { fr: 'Change un pont, même en marche', en: 'Changes a bridge, also while it runs' },
    words: 1,
    options: settingOptions,
    optionTexts: settingTexts,
    async run({ access, print }, [name], values) {
      const bridge = await changeBridge(await access(), name!, readSettings(values))
      print(tellBridge(bridge), `${bridge.name}  ${bridge.url}  ${bridge.topics.join(',')}`)
    },
  },
  'bridge remove': {
    usage: 'bridge remove <name>',
    summary: { fr: 'Supprime un pont', en: 'Removes a bridge' },
    words: 1,
    options: {},
    async run({ access, print }, [name]) {
      await removeBridge(await access(), name!)
      print({ name }, name!)
    },
  },
  'bridge list': {
    usage: 'bridge list [--limit n] [--cursor c]',
    summary: { fr: 'Liste les ponts et leur état', en: 'Lists the bridges and how they are' },
    words: 0,
    options: pageOptionConfig,
    optionTexts: pageOptionTexts,
    async run({ access, config, print, language }, _, values) {
      const { items, next } = await listBridges(await access(), pageOptions(values))
      const states = readBridgeStates(config.PARVIS_DATA_DIR)
      const tellState = (name: string) => {
        const state = states.get(name)
        return state === undefined ? null : { ...state, detail: state.detail?.[language] ?? null }
      }
      const documents = items.map((bridge) => ({ ...tellBridge(bridge), status: tellState(bridge.name) }))
      print(
        { items: documents, next },
        formatColumns(
          documents.map(({ name, url, integration, status }) => [
            name,
            integration,
            url,
            status?.state ?? null,
            status?.detail ?? null,
          ]),
        ),
      )
    },
  },
}

function readSettings(values: OptionValues): BridgeChanges {
  const topics = textOption(values, 'topics')
  const qos = numberOption(values, 'qos')
  if (qos !== undefined && qos !== 0 && qos !== 1) throw badOption('qos', qos, ['0', '1'])
  const ca = textOption(values, 'ca')
  const passwordFile = textOption(values, 'password-file')
  const password =
    passwordFile === undefined ? textOption(values, 'password') : readText(passwordFile).replace(/\r?\n$/, '')
  const given: BridgeChanges = {
    url: textOption(values, 'url'),
    topics: topics?.split(',').map((topic) => topic.trim()),
    qos,
    userName: textOption(values, 'user'),
    password,
    clientId: textOption(values, 'client-id'),
    ca: ca === undefined ? undefined : readText(ca),
    insecure: values.insecure === true ? true : undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Problem('bad_request', `${file}: ${(error as Error).message}`)
  }
}

function tellBridge(bridge: Bridge) {
  return { ...bridge, createdAt: new Date(bridge.createdAt).toISOString() }
}
