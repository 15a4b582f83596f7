export const fr = {
  title: 'Déclaration d’accessibilité',
  intro:
    'L’autorité qui met ce service à la disposition de ses agents s’engage à le rendre accessible, conformément à l’article 47 de la loi n° 2005-102 du 11 février 2005. Cette déclaration s’applique aux pages de Parvis.',
  stateTitle: 'État de conformité',
  state:
    'Aucun audit par un tiers n’a encore été mené : ce service est déclaré non conforme au référentiel général d’amélioration de l’accessibilité (RGAA 4.1). Une évaluation interne du 25 novembre 2026 trouve 78 critères respectés sur les 79 qui s’appliquent (98,7 %) ; elle est tenue avec le logiciel, critère par critère, dans docs/accessibility.md.',
  testsTitle: 'Ce qui est vérifié à chaque version',
  tests: [
    'les règles de niveaux A et AA que axe-core sait contrôler, sur chaque page, dans les deux langues et les deux thèmes ;',
    'les parcours au clavier seul, avec un focus toujours visible ;',
    'l’affichage à 320 pixels de large ;',
    'les contrastes des couleurs, dans les deux thèmes.',
  ],
  limitsTitle: 'Contenus non accessibles',
  limits: [
    'Critère 7.1 : quatre pages ont été essayées avec le lecteur d’écran Orca ; aucune ne l’a été avec NVDA, JAWS ou VoiceOver, que le RGAA demande.',
    'La carte est un dessin : la liste à côté dit la même chose, et s’utilise au clavier et avec un lecteur d’écran.',
    'La documentation de l’API, faite pour les développeurs, n’a pas été évaluée.',
  ],
  contactTitle: 'Retour d’information et contact',
  contact:
    'Si vous ne parvenez pas à accéder à un contenu ou à un service, écrivez à la personne qui administre Parvis dans votre collectivité : elle vous orientera vers une autre forme d’accès.',
  recourseTitle: 'Voies de recours',
  recourse:
    'Si vous avez signalé un défaut d’accessibilité et n’avez pas obtenu de réponse satisfaisante, vous pouvez écrire au Défenseur des droits, le saisir en ligne ou contacter son délégué dans votre région.',
  authority:
    'À l’autorité : une déclaration légale porte aussi votre nom, une date, une adresse de contact et, après un audit, le taux de conformité. Publiez-la sur votre site et tenez-la avec la grille de docs/accessibility.md.',
  back: 'Retour',
}
export const texts = {
  fr,
  en: {
    title: 'Accessibility statement',
    intro:
      'The authority that offers this service to its staff undertakes to make it accessible, under article 47 of the French law 2005-102 of 11 February 2005. This statement is about the pages of Parvis.',
    stateTitle: 'Compliance',
    state:
      'No audit by a third party has been made yet: this service is declared not compliant with the French standard RGAA 4.1. An evaluation of our own, of 25 November 2026, finds that 78 of the 79 criteria that apply hold (98.7%); it is kept with the software, criterion by criterion, in docs/accessibility.md.',
    testsTitle: 'What is checked for each version',
    tests: [
      'the rules of levels A and AA that axe-core can check, on every page, in both languages and themes;',
      'the day’s work by keyboard alone, with the focus always seen;',
      'the pages at a width of 320 pixels;',
      'the contrast of the colours, in both themes.',
    ],
    limitsTitle: 'What is not accessible',
    limits: [
      'Criterion 7.1: four pages were tried with the screen reader Orca, none with NVDA, JAWS or VoiceOver, which RGAA asks for.',
      'The map is a drawing: the list beside it says the same, and is used by keyboard and with a screen reader.',
      'The documentation of the API, which is made for developers, has not been evaluated.',
    ],
    contactTitle: 'Feedback and contact',
    contact:
      'If you cannot reach a content or a service, write to whoever administers Parvis in your authority: they will show you another way.',
    recourseTitle: 'Recourse',
    recourse:
      'If you told of an accessibility problem and were not answered as you should be, you may write to the French Défenseur des droits, or see their delegate in your region.',
    authority:
      'To the authority: a legal statement also bears your name, a date, an address for contact and, after an audit, the rate of compliance. Publish it on your site, and keep it with the grid of docs/accessibility.md.',
    back: 'Back',
  } satisfies typeof fr,
}
