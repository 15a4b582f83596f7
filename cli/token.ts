import { type Role, roles } from '../domain/role.ts'
import { addToken, listTokens, revokeToken, type TokenInfo } from '../inventory/tokens.ts'
import {
  badOption,
  type Command,
  formatColumns,
  neededOption,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
} from './command.ts'

export const tokenCommands: Record<string, Command> = {
  'token create': {
    usage: `token create --role ${roles.join('|')} [--name n] [--services a,b]`,
    summary: {
      fr: 'Crée un jeton pour l’API et le donne, une seule fois',
      en: 'Makes a token for the API and tells it, once',
    },
    words: 0,
    options: { role: { type: 'string' }, name: { type: 'string' }, services: { type: 'string' } },
    optionTexts: {
      role: { fr: 'ce qu’il permet', en: 'what it allows' },
      name: { fr: 'pour qui, pour quoi', en: 'for whom, for what' },
      services: {
        fr: 'services auxquels il est limité, séparés par des virgules ; tous sinon',
        en: 'services to which it is limited, separated by commas; all otherwise',
      },
    },
    async run({ access, print }, _, values) {
      const role = neededOption(values, 'role')
      if (!roles.includes(role as Role)) throw badOption('role', role, roles)
      const made = await addToken(await access(), {
        role: role as Role,
        name: textOption(values, 'name'),
        services: textOption(values, 'services')
          ?.split(',')
          .map((each) => each.trim()),
      })
      print(made, made.token)
    },
  },
  'token list': {
    usage: 'token list [--limit n] [--cursor c]',
    summary: { fr: 'Liste les jetons, sans les donner', en: 'Lists the tokens, without telling them' },
    words: 0,
    options: pageOptionConfig,
    optionTexts: pageOptionTexts,
    async run({ access, print }, _, values) {
      const { items, next } = await listTokens(await access(), pageOptions(values))
      const documents = items.map(toDocument)
      print(
        { items: documents, next },
        formatColumns(documents.map((each) => [each.id, each.role, each.createdAt, each.revokedAt, each.name])),
      )
    },
  },
  'token revoke': {
    usage: 'token revoke <id>',
    summary: { fr: 'Met fin à un jeton', en: 'Ends a token' },
    words: 1,
    options: {},
    async run({ access, print }, [id]) {
      const document = toDocument(await revokeToken(await access(), id!))
      print(document, `${document.id}  ${document.revokedAt}`)
    },
  },
}

function toDocument({ createdAt, revokedAt, ...token }: TokenInfo) {
  return {
    ...token,
    createdAt: new Date(createdAt).toISOString(),
    revokedAt: revokedAt === null ? null : new Date(revokedAt).toISOString(),
  }
}
