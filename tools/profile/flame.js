'use strict';
// The outermost calls are above. A click shows one call alone; a click on the first row, all.
const data = JSON.parse(document.getElementById('data').textContent);
const graph = document.getElementById('graph');
const detail = document.getElementById('detail');
const controls = document.getElementById('controls');
const ROW = 18;
let which = data.values.findIndex((value) => value[0] === 'inuse_space');
let zoomed = data.root;

function amount(number, unit) {
  if (unit !== 'bytes') return number.toLocaleString('en');
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let index = 0;
  while (number >= 1024 && index < units.length - 1) {
    number /= 1024;
    ++index;
  }
  return (index === 0 ? number : number.toFixed(1)) + ' ' + units[index];
}

function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return 20 + hash % 40;
}

function describe(node) {
  const [, title, unit] = data.values[which];
  const all = data.root.v[which];
  const share = all === 0 ? 0 : 100 * node.v[which] / all;
  return node.n + ': ' + amount(node.v[which], unit) + ' (' + share.toFixed(1) + ' % of ' + title + ')';
}

function draw() {
  graph.textContent = '';
  let deepest = 0;
  const total = zoomed.v[which];
  const place = (node, left, row) => {
    const width = total === 0 ? (row === 0 ? 1 : 0) : node.v[which] / total;
    if (width * graph.clientWidth < 1) return;
    deepest = Math.max(deepest, row);
    const box = document.createElement('div');
    box.className = 'frame';
    box.style.left = 100 * left + '%';
    box.style.width = 100 * width + '%';
    box.style.top = row * ROW + 'px';
    box.style.background = 'hsl(' + hue(node.n) + ', 85%, 70%)';
    box.textContent = node.n;
    box.title = describe(node);
    box.onmouseenter = () => { detail.textContent = describe(node); };
    box.onclick = () => {
      zoomed = row === 0 ? data.root : node;
      draw();
    };
    graph.appendChild(box);
    const children = [...node.c].sort((a, b) => b.v[which] - a.v[which]);
    for (const child of children) {
      place(child, left, row + 1);
      left += total === 0 ? 0 : child.v[which] / total;
    }
  };
  place(zoomed, 0, 0);
  graph.style.height = (deepest + 1) * ROW + 'px';
  detail.textContent = describe(zoomed);
}

data.values.forEach(([, title], index) => {
  const button = document.createElement('button');
  button.textContent = title;
  button.onclick = () => {
    which = index;
    for (const other of controls.children) other.setAttribute('aria-pressed', String(other === button));
    draw();
  };
  button.setAttribute('aria-pressed', String(index === which));
  controls.appendChild(button);
});
window.onresize = draw;
draw();
