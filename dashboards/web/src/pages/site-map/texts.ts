export const fr = {
  intro: 'Toutes les pages que votre rôle peut ouvrir.',
  own: 'Vous et ce service',
}
export const texts = {
  fr,
  en: {
    intro: 'All the pages that your role may open.',
    own: 'You and this service',
  } satisfies typeof fr,
}
