import { addressOfPages } from '../config.ts'
import { type Role, roles } from '../domain/role.ts'
import { formatTime } from '../domain/time.ts'
import {
  type Account,
  addAccount,
  changeAccount,
  findAccount,
  type ListedAccount,
  listAccounts,
  makeLink,
} from '../inventory/accounts.ts'
import {
  badOption,
  type Command,
  type Context,
  formatColumns,
  neededOption,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
} from './command.ts'

const texts = {
  fr: (until: string) => `Lien à usage unique pour choisir le mot de passe, valable jusqu’au ${until} :`,
  en: (until: string) => `One-time link to choose the password, good until ${until}:`,
}

export const accountCommands: Record<string, Command> = {
  'account add': {
    usage: `account add <login> --name n --role ${roles.join('|')} [--services a,b]`,
    summary: {
      fr: 'Ajoute un compte et donne le lien par lequel la personne choisit son mot de passe',
      en: 'Adds an account and tells the link by which its person chooses a password',
    },
    words: 1,
    options: { name: { type: 'string' }, role: { type: 'string' }, services: { type: 'string' } },
    optionTexts: {
      name: { fr: 'nom de la personne', en: 'name of the person' },
      role: { fr: 'ce que le compte permet', en: 'what the account allows' },
      services: {
        fr: 'services auxquels il est limité, séparés par des virgules ; tous sinon',
        en: 'services to which it is limited, separated by commas; all otherwise',
      },
    },
    async run(context, [login], values) {
      const role = neededOption(values, 'role')
      if (!roles.includes(role as Role)) throw badOption('role', role, roles)
      const services = textOption(values, 'services')
        ?.split(',')
        .map((each) => each.trim())
      const name = neededOption(values, 'name')
      const input = { login: login!, name, role: role as Role, services: services ?? null }
      tellLink(context, await addAccount(await context.access(), input))
    },
  },
  'account list': {
    usage: 'account list [--limit n] [--cursor c]',
    summary: { fr: 'Liste les comptes', en: 'Lists the accounts' },
    words: 0,
    options: pageOptionConfig,
    optionTexts: pageOptionTexts,
    async run({ access, print }, _, values) {
      const { items, next } = await listAccounts(await access(), pageOptions(values))
      const documents = items.map(toDocument)
      print(
        { items: documents, next },
        formatColumns(documents.map((each) => [each.login, each.role, each.lastSignInAt, each.disabledAt, each.name])),
      )
    },
  },
  'account reset': {
    usage: 'account reset <login>',
    summary: {
      fr: 'Donne un lien à usage unique pour choisir un nouveau mot de passe',
      en: 'Tells a one-time link to choose a new password',
    },
    words: 1,
    options: {},
    async run(context, [login]) {
      const access = await context.access()
      tellLink(context, await makeLink(access, (await findAccount(access, login!)).id))
    },
  },
  'account disable': disableOrEnable(true, {
    fr: 'Désactive un compte et met fin à ses sessions',
    en: 'Disables an account and ends its sessions',
  }),
  'account enable': disableOrEnable(false, { fr: 'Réactive un compte', en: 'Enables an account again' }),
}

function disableOrEnable(disabled: boolean, summary: Command['summary']): Command {
  return {
    usage: `account ${disabled ? 'disable' : 'enable'} <login>`,
    summary,
    words: 1,
    options: {},
    async run({ access: open, print }, [login]) {
      const access = await open()
      const { id, lastSignInAt } = await findAccount(access, login!)
      const document = toDocument({ ...(await changeAccount(access, id, { disabled })), lastSignInAt })
      print(document, formatColumns([[document.login, document.role, document.disabledAt]]))
    },
  }
}

function tellLink({ config, language, print }: Context, { account, link }: { account: Account; link: string }): void {
  const address = `${addressOfPages(config)}/#link=${link}`
  const document = toDocument({ ...account, lastSignInAt: null })
  print({ ...document, link: address }, `${texts[language](document.linkExpiresAt!)}\n\n  ${address}\n`)
}

function toDocument({ createdAt, passwordSetAt, linkExpiresAt, disabledAt, lastSignInAt, ...account }: ListedAccount) {
  const tell = (time: number | null) => (time === null ? null : formatTime(time))
  return {
    ...account,
    createdAt: formatTime(createdAt),
    passwordSetAt: tell(passwordSetAt),
    linkExpiresAt: tell(linkExpiresAt),
    disabledAt: tell(disabledAt),
    lastSignInAt: tell(lastSignInAt),
  }
}
