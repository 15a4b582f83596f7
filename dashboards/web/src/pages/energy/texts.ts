const fr = {
  intro:
    'Les compteurs par consommation, comparée à celle d’un an plus tôt ; la courbe de charge ; les fuites possibles.',
}

export const texts = {
  fr,
  en: {
    intro: 'Meters by consumption, compared with a year before; the load curve; possible leaks.',
  } satisfies typeof fr,
}
