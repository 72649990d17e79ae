// An edge node made with Eclipse Tahu. Commands come on stdin, a line each; what was published goes to stdout, a JSON
// object a line: `{"said":[[area, tag, ms, value], …]}` for values, `{"done":COMMAND}` after each command.
//
//   node edge_node.cjs PORT SHIFT      aliases begin at SHIFT: a node that was configured anew has others
//
//   data N        N messages of two devices
//   swap          two messages, the second before the first
//   skip          one that gets lost on its way
//   device        the death of a device, and its birth
//   unknown       a metric that no birth has told of, and a birth that tells of it
//   compressed    a message compressed by gzip, and one by deflate
//   types         a metric of each type, in a birth and in data
'use strict';
const sparkplug = require(process.env.TAHU);
const readline = require('readline');

const [port, shift] = process.argv.slice(2).map(Number);
const client = sparkplug.newClient({
    serverUrl: `mqtt://127.0.0.1:${port}`, username: '', password: '',
    groupId: 'mill', edgeNode: 'tm9', clientId: `tahu-${process.pid}`, keepalive: 5,
});

const tell = (object) => process.stdout.write(JSON.stringify(object) + '\n');
// Times are unique, so that every value is a point of its own.
let last = Date.now() - 60000;
const now = () => (last = Math.max(last + 1, Date.now() - 60000));

const devices = {
    dry: [['Steam/Section 1/Pressure', 'double', 'bar'], ['speed', 'float', 'm/min'], ['running', 'boolean', '']],
    wet: [['level', 'int32', '%'], ['grade', 'string', ''], ['counter', 'uint32', '']],
};
const latest = {};
let count = 0;
const make = {
    double: () => 5 + Math.sin(count / 7), float: () => Math.fround(1800 + (count % 50) / 4), boolean: () => count % 2 === 0,
    int32: () => (count % 2 ? -1 : 1) * (count % 1000), string: () => `FT ${count}`, uint32: () => 4000000000 + count,
};
const alias = {};
let next = shift;
for (const [device, metrics] of Object.entries(devices))
    for (const [name] of metrics) alias[`${device}/${name}`] = next++;

const named = (device, name) => {
    const parts = name.split('/');
    const tag = parts.pop();
    return [[device, ...parts].join('/'), tag];
};
const said = (entries) => tell({ said: entries });
const shown = (value) => (typeof value === 'boolean' ? Number(value) : value);

const sample = (device, [name, type]) => {
    const metric = { name, type, timestamp: now(), value: make[type]() };
    latest[`${device}/${name}`] = metric;
    return metric;
};

function births() {
    client.publishNodeBirth({
        timestamp: Date.now(),
        metrics: [{ name: 'Node Control/Rebirth', type: 'boolean', value: false, timestamp: Date.now() }],
    });
    Object.keys(devices).forEach(birth);
}

function birth(device) {
    const metrics = devices[device].map((metric) => {
        const known = latest[`${device}/${metric[0]}`] || sample(device, metric);
        const properties = metric[2] ? { engUnit: { type: 'string', value: metric[2] } } : undefined;
        return { ...known, alias: alias[`${device}/${metric[0]}`], properties };
    });
    client.publishDeviceBirth(device, { timestamp: Date.now(), metrics });
    said(metrics.map((m) => [...named(device, m.name), m.timestamp, shown(m.value)]));
}

// The payload of one message: by aliases, but for every fifth metric, which goes by its name.
function payload(device) {
    count += 1;
    const metrics = devices[device].map((metric, at) => {
        const known = sample(device, metric);
        const by = (count + at) % 5 === 0 ? { name: known.name } : { alias: alias[`${device}/${known.name}`] };
        return { ...by, type: known.type, timestamp: known.timestamp, value: known.value };
    });
    said(devices[device].map(([name]) => {
        const known = latest[`${device}/${name}`];
        return [...named(device, name), known.timestamp, shown(known.value)];
    }));
    return { timestamp: Date.now(), metrics };
}

const turn = () => Object.keys(devices)[count % 2];
const data = (options) => {
    const device = turn();
    client.publishDeviceData(device, payload(device), options);
};

const commands = {
    data: (n) => { for (let i = 0; i < Number(n); i += 1) data(); },
    swap: () => {
        const seq = client.seq % 256;
        client.seq = (seq + 1) % 256;
        data();
        client.seq = seq;
        data();
        client.seq = (seq + 2) % 256;
    },
    skip: () => {
        // What is lost on its way was never said to anybody.
        client.seq = (client.seq % 256) + 1;
        data();
    },
    device: () => {
        client.publishDeviceDeath('wet', { timestamp: Date.now() });
        birth('wet');
    },
    unknown: () => {
        devices.wet.push(['late', 'double', '']);
        alias['wet/late'] = next++;
        client.publishDeviceData('wet', payload('wet'));
    },
    compressed: () => {
        data({ compress: true, algorithm: 'GZIP' });
        data({ compress: true, algorithm: 'DEFLATE' });
    },
    types: () => {
        const at = now();
        const value = {
            int8: -7, int16: -30000, int32: -2000000, int64: -9007199254740991, uint8: 250, uint16: 60000, uint32: 4294967295,
            uint64: 9007199254740991, float: 0.5, double: 1e-9, boolean: true, string: '造纸', text: 'T', uuid: '3e0d7c2b',
            datetime: 1700000000000,
        };
        const metrics = Object.entries(value).map(([type, v]) => ({ name: `all/${type}`, type, value: v, timestamp: at }));
        metrics.push({ name: 'all/none', type: 'double', value: null, isNull: true, timestamp: at });
        metrics.push({ name: 'all/file', type: 'bytes', value: Buffer.from([1, 2]), timestamp: at });
        metrics.push({
            name: 'table', type: 'dataset', timestamp: at,
            value: { numOfColumns: 2, columns: ['n', 'state'], types: ['int32', 'string'], rows: [[1, 'a'], [-2, 'b']] },
        });
        metrics.push({
            name: 'motor', type: 'template', timestamp: at,
            value: { templateRef: 'Motor', isDefinition: false, metrics: [{ name: 'amps', type: 'double', value: 2.5, timestamp: at }] },
        });
        client.publishDeviceBirth('types', { timestamp: Date.now(), metrics });
        const flat = Object.entries(value).map(([type, v]) => ['types/all', type, at, shown(v)]);
        flat.find(([, tag]) => tag === 'datetime')[3] = '2023-11-14T22:13:20Z';
        flat.push(['types/table', 'n[0]', at, 1], ['types/table', 'state[0]', at, 'a'], ['types/table', 'n[1]', at, -2],
            ['types/table', 'state[1]', at, 'b'], ['types/motor', 'amps', at, 2.5]);
        said(flat);
    },
};

client.on('birth', () => { births(); tell({ done: 'birth' }); });
client.on('ncmd', (command) => {
    if (command.metrics.some((m) => m.name === 'Node Control/Rebirth' && m.value === true)) {
        births();
        tell({ done: 'rebirth' });
    }
});
readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const [command, argument] = line.split(' ');
    commands[command](argument);
    // Answered when all before it has gone out.
    client.client.publish('tahu/done', line, { qos: 1 }, () => tell({ done: line }));
});
