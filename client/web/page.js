// The page: choose a model, a class, and how many pictures, and see them come. ?envoy=URL asks an Envoy elsewhere.
import { connect, refusal } from './lib/index.js';
import { CapabilityKind } from './generated/pixelzoo/v1/capability_pb.js';

const zoo = connect(new URLSearchParams(location.search).get('envoy') ?? undefined);
const [model, label, count, progress, said, pictures] = ['#model', '#label', '#count', 'progress', 'output', 'figure'].map(
  (name) => document.querySelector(name),
);
const cards = new Map();
let latest = new AbortController();

async function list(signal) {
  const { models } = await zoo.catalog.listModels({ pageSize: 100 }, { signal });
  for (const { name, card } of models) {
    if (card?.capabilities.some(({ kind }) => kind === CapabilityKind.SAMPLE)) cards.set(name, card);
  }
  model.replaceChildren(...[...cards.keys()].map((name) => option(name, name)));
  listClasses();
}

function listClasses() {
  const { conditional, labelRequired, classes } = cards.get(model.value);
  const any = labelRequired ? [] : [option('any', -1)];
  label.replaceChildren(...any, ...(conditional ? classes.map(option) : []));
}

async function draw(signal) {
  pictures.replaceChildren();
  const labels = label.value < 0 ? [] : [Number(label.value)];
  const sample = { model: { name: model.value }, count: Number(count.value), labels };
  for await (const { event } of zoo.sampling.streamSample({ sample }, { signal })) {
    if (event.case === 'progress') {
      progress.max = event.value.steps;
      progress.value = event.value.step;
    } else if (event.case === 'image') {
      show(event.value);
    }
  }
}

function show({ image, recipe }) {
  const { data, mimeType } = image.payload.value;
  const src = URL.createObjectURL(new Blob([data], { type: mimeType }));
  pictures.append(Object.assign(document.createElement('img'), { src, title: `seed ${recipe.seed}` }));
}

function option(textContent, value) {
  return Object.assign(document.createElement('option'), { textContent, value });
}

// Ends what is under way, and with it the server's work on pictures that nobody waits for any more.
async function attempt(action) {
  latest.abort();
  latest = new AbortController();
  const { signal } = latest;
  said.textContent = '';
  try {
    await action(signal);
  } catch (error) {
    if (!signal.aborted) said.textContent = refusal(error).message;
  }
}

model.addEventListener('change', listClasses);
document.querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void attempt(draw);
});
void attempt(list);
