#!/usr/bin/env python3
"""Translates kernels from PTX, NVIDIA's portable assembly (ISA 9.0), into C++ that runs them on the processor.

    ptx_to_cpp.py OUT.cpp OBJECT...

OBJECT: an object file of nvcc with its PTX uncompressed (nvcc -gencode arch=compute_90,code=compute_90
--compress-mode=none). Objects without PTX are passed over. An instruction that is not known stops the translation.

A kernel becomes a struct of its registers and a function of one thread, a statement for each instruction. At a barrier
or a shuffle the function returns, to be entered again behind it: so one processor thread can run a whole block
(kernel.h). Registers keep raw bits; each instruction reads and writes them as the type that it names.
"""
import re
import sys

COMPARISONS = {'eq': '==', 'ne': '!=', 'lt': '<', 'le': '<=', 'gt': '>', 'ge': '>=',
               'lo': '<', 'ls': '<=', 'hi': '>', 'hs': '>='}
SPECIAL_REGISTERS = ('%tid', '%ntid', '%ctaid', '%nctaid')
WHOLE = {'rni': 'std::nearbyint', 'rzi': 'std::trunc', 'rmi': 'std::floor', 'rpi': 'std::ceil'}
DIRECTED = {'rm': 'down', 'rp': 'up', 'rz': 'towards_zero'}
LOGIC = {'and': '&', 'or': '|', 'xor': '^'}
FLOAT_FUNCTIONS = {'rcp': '1 / {}', 'sqrt': 'std::sqrt({})', 'rsqrt': '1 / std::sqrt({})', 'ex2': 'std::exp2({})',
                   'lg2': 'std::log2({})', 'sin': 'std::sin({})', 'cos': 'std::cos({})', 'tanh': 'std::tanh({})',
                   'abs': 'std::fabs({})', 'neg': '-{}'}


class Unknown(Exception):
    pass


def bits(type_):
    return 1 if type_ == 'pred' else int(re.sub(r'\D', '', type_))


def cpp_type(type_):
    special = {'pred': 'bool', 'f32': 'float', 'f64': 'double', 'bf16': 'uint16_t', 'f16': 'uint16_t'}
    if type_ in special:
        return special[type_]
    return f'{"int" if type_[0] == "s" else "uint"}{bits(type_)}_t'


def unsigned(type_):
    return f'u{bits(type_)}'


def align(offset, to):
    return (offset + to - 1) // to * to


def is_float(type_):
    return type_ in ('f32', 'f64')


class Kernel:
    """One .entry: `params` and `shared` are the byte offsets of its parameters and of the module's shared variables."""

    def __init__(self, name, params, shared, body):
        self.name, self.params, self.shared = name, params, shared
        self.registers, self.depot_name, self.depot_size = {}, None, 0
        self.stops, self.lines = 0, []
        self.declare(body)
        for statement in self.statements(body):
            try:
                self.lines.append(self.statement(statement))
            except (Unknown, KeyError) as e:
                raise Unknown(f'{name}: `{statement}` ({e})') from None

    # ---- declarations and statements ----

    def declare(self, body):
        for type_, names in re.findall(r'\.reg\s+\.(\w+)\s+([^;]+);', body):
            for item in names.split(','):
                name, count = re.match(r'%(\w+?)(?:<(\d+)>)?$', item.strip()).groups()
                for register in ([name] if count is None else [f'{name}{i}' for i in range(int(count))]):
                    if self.registers.setdefault(register, bits(type_)) != bits(type_):
                        raise Unknown(f'{self.name}: two registers {register}')
        for name, size in re.findall(r'\.local\s+\.align\s+\d+\s+\.b8\s+(\w+)\[(\d+)\];', body):
            if self.depot_name:
                raise Unknown(f'{self.name}: two local variables')
            self.depot_name, self.depot_size = name, int(size)

    @staticmethod
    def statements(body):
        body = re.sub(r'(?m)^\s*\.(reg|local|loc|pragma|shared)\b[^;]*;', '', body).strip()
        # a label, an instruction whose vectors are in braces, or a brace that opens or closes a scope
        token = re.compile(r'\s*(?:(\$?\w+):(?!:)|([^;{}]*(?:\{[^{}]*\}[^;{}]*)*;)|[{}])')
        at = 0
        while body[at:].strip():
            found = token.match(body, at)
            if not found:
                raise Unknown(body[at:at + 80])
            at = found.end()
            if found.group(1):
                yield found.group(1) + ':'
            elif found.group(2):
                yield ' '.join(found.group(2)[:-1].split())

    def statement(self, text):
        if text.endswith(':'):
            return text.replace('$', '_') + ';'
        guard = re.match(r'@(!?)%(\w+) (.*)', text)
        if guard:
            text = guard.group(3)
        opcode, _, rest = text.partition(' ')
        operands = [o.strip() for o in re.findall(r'\{[^}]*\}|\[[^\]]*\]|[^,\s][^,]*', rest)]
        code = self.instruction(opcode.split('.'), operands)
        return f'if ({guard.group(1)}r.{guard.group(2)}) {{ {code} }}' if guard else code

    # ---- operands ----

    def get(self, operand, type_):
        """The operand as a value of C++."""
        if operand.startswith('%'):
            base, _, axis = operand.partition('.')
            if base in SPECIAL_REGISTERS:
                return f't.{base[1:]}.{axis}'
            if operand == '%laneid':
                return 't.lane'
            self.registers[operand[1:]]  # KeyError: not declared
            return f'as<{cpp_type(type_)}>(r.{operand[1:]})'
        if operand.startswith('0f'):
            return f'as<{cpp_type(type_)}>(uint32_t{{0x{operand[2:]}u}})'
        if operand.startswith('0d'):
            return f'as<{cpp_type(type_)}>(uint64_t{{0x{operand[2:]}u}})'
        if re.match(r'-?\d', operand):
            return f'({cpp_type(type_)})({operand.rstrip("U")}{"ll" if operand.startswith("-") else "ull"})'
        if operand in self.params:
            return f'(uint64_t)(P + {self.params[operand][0]})'
        if operand in self.shared:
            return f'({cpp_type(type_)}){self.shared[operand]}'
        if operand == self.depot_name:
            return '(uint64_t)r.depot'
        raise Unknown(f'operand {operand}')

    def set(self, register, type_, value):
        if register == '_':
            return f'(void)({value});'
        self.registers[register[1:]]
        return f'store(r.{register[1:]}, ({cpp_type(type_)})({value}));'

    def address(self, operand):
        base, offset = re.match(r'\[\s*([^+\s]+?)\s*(?:\+\s*(-?\d+))?\s*\]$', operand).groups()
        type_ = f'u{self.registers[base[1:]]}' if base.startswith('%') else 'u64'
        return f'({self.get(base, type_)} + ({offset or 0}))'

    def stop(self, kind):
        self.stops += 1
        return f'r.pc = {self.stops}; return {kind}; case {self.stops}:;'

    # ---- instructions ----

    def instruction(self, op, a):
        name, type_ = op[0], op[-1]
        if name == 'bra':
            return f'goto {a[0].replace("$", "_")};'
        if name in ('ret', 'exit'):
            return 'return kDone;'
        if op[0] == 'bar' and op[1:] == ['sync'] and a == ['0']:
            return self.stop('kBarrier')
        if name == 'shfl':
            return self.shuffle(op, a)
        if name in ('ld', 'st'):
            return self.memory(op, a)
        if name == 'mov':
            return self.move(type_, a)
        if name == 'cvta':
            if 'shared' in op:
                return self.set(a[0], type_, f'{self.get(a[1], type_)} {"-" if "to" in op else "+"} (uint64_t)t.shared')
            return self.set(a[0], type_, self.get(a[1], type_))
        if name == 'cvt':
            return self.convert(op[1:-2], op[-2], type_, a)
        if name == 'setp':
            return self.compare(op, a)
        if name == 'selp':
            return self.set(a[0], type_, f'{self.get(a[3], "pred")} ? {self.get(a[1], type_)} : {self.get(a[2], type_)}')
        if name in LOGIC:
            return self.set(a[0], type_, f'{self.get(a[1], type_)} {LOGIC[name]} {self.get(a[2], type_)}')
        if name == 'not':
            return self.set(a[0], type_, f'{"!" if type_ == "pred" else "~"}{self.get(a[1], type_)}')
        if name in ('shl', 'shr'):
            side = 'left' if name == 'shl' else 'right'
            return self.set(a[0], type_, f'shift_{side}({self.get(a[1], type_)}, {self.get(a[2], "u32")})')
        return self.float_arithmetic(op, a) if is_float(type_) else self.integer_arithmetic(op, a)

    def shuffle(self, op, a):
        to, _, flag = a[0].partition('|')
        return (f't.offer = {self.get(a[1], "u32")}; {self.stop("kShuffle")} {{ bool inside; '
                f'const uint32_t got = shuffle(t, \'{op[2][0]}\', {self.get(a[2], "u32")}, {self.get(a[3], "u32")}, '
                f'{self.get(a[4], "u32")}, inside); '
                f'{self.set(to, "u32", "got")} {self.set(flag, "pred", "inside") if flag else ""} }}')

    def move(self, type_, a):
        def parts(operand):
            names = [n.strip() for n in operand[1:-1].split(',')]
            return names, bits(type_) // len(names)
        if a[0].startswith('{'):
            names, size = parts(a[0])
            return ' '.join(self.set(n, f'u{size}', f'{self.get(a[1], type_)} >> {size * i}') for i, n in enumerate(names))
        if a[1].startswith('{'):
            names, size = parts(a[1])
            return self.set(a[0], type_, ' | '.join(f'(({cpp_type(type_)}){self.get(n, f"u{size}")} << {size * i})'
                                                    for i, n in enumerate(names)))
        return self.set(a[0], type_, self.get(a[1], type_))

    def memory(self, op, a):
        type_, writes = op[-1], op[0] == 'st'
        where, what = (a[0], a[1]) if writes else (a[1], a[0])
        items = [i.strip() for i in what[1:-1].split(',')] if what.startswith('{') else [what]
        size = bits(type_) // 8
        space = next((s for s in op if s in ('param', 'global', 'shared', 'local')), 'any')
        if space in ('param', 'local'):
            place = f'(char*){self.address(where)}'
        elif space == 'shared':
            place = f'in_shared(t, {self.address(where)}, {size * len(items)})'
        else:
            place = f'in_{space}(t, {self.address(where)}, {size * len(items)}, {"true" if writes else "false"})'
        code = [f'char* const p = {place};']
        for i, item in enumerate(items):
            if writes:  # the low bits of a register that may be wider
                code.append(f'put_bytes(p + {size * i}, ({cpp_type(f"b{8 * size}")})({self.get(item, self.raw(item, type_))}));')
            else:       # extended by its sign into one
                kind = 's' if type_[0] == 's' else 'u'
                code.append(self.set(item, kind + str(self.registers[item[1:]]),
                                     f'get_bytes<{cpp_type(kind + str(8 * size))}>(p + {size * i})'))
        return '{ ' + ' '.join(code) + ' }'

    def raw(self, operand, type_):
        return f'u{self.registers[operand[1:]]}' if operand.startswith('%') else type_

    def compare(self, op, a):
        kind, type_ = op[1], op[-1]
        x, y = self.get(a[1], type_), self.get(a[2], type_)
        ordered = f'!is_nan({x}) && !is_nan({y})'
        if kind in ('num', 'nan'):
            value = ordered if kind == 'num' else f'!({ordered})'
        elif is_float(type_) and kind.endswith('u'):
            value = f'!({ordered}) || {x} {COMPARISONS[kind[:-1]]} {y}'
        elif is_float(type_):
            value = f'{ordered} && {x} {COMPARISONS[kind]} {y}'
        else:
            value = f'{x} {COMPARISONS[kind]} {y}'
        if len(op) == 4:  # combined with another predicate
            value = f'(({value}) {LOGIC[op[2]]} {self.get(a[3], "pred")}) != 0'
        return self.set(a[0], 'pred', value)

    def convert(self, modes, to, from_, a):
        value = self.get(a[1], from_)
        whole = next((WHOLE[m] for m in modes if m in WHOLE), None)
        if (to, from_) == ('bf16', 'f32'):
            return self.set(a[0], 'u16', f'to_bf16({value})')
        if (to, from_) == ('f32', 'bf16'):
            return self.set(a[0], to, f'std::bit_cast<float>(uint32_t{{{value}}} << 16)')
        if is_float(from_) and is_float(to):
            if set(modes) & set(DIRECTED):
                raise Unknown('rounding')
            value = f'{whole}({value})' if whole else value
            return self.set(a[0], to, f'saturate({value})' if 'sat' in modes else value)
        if is_float(from_):
            return self.set(a[0], to, f'to_integer<{cpp_type(to)}>({whole}({value}))')
        if set(modes) - {'rn'}:
            raise Unknown('rounding')
        if is_float(to):
            return self.set(a[0], to, value)
        # a register may be wider than the type: the value is extended by its sign
        return self.set(a[0], to[0] + str(self.registers[a[0][1:]]), f'({cpp_type(to)})({value})')

    def float_arithmetic(self, op, a):
        name, type_ = op[0], op[-1]
        x = [self.get(operand, type_) for operand in a[1:]]
        directed = next((DIRECTED[m] for m in op if m in DIRECTED), None)
        if directed and (type_ == 'f64' or name not in ('add', 'sub', 'mul', 'fma', 'mad')):
            raise Unknown('rounding')
        if name in ('add', 'sub', 'mul'):
            sign = {'add': '+', 'sub': '-', 'mul': '*'}[name]
            value = f'{directed}((double){x[0]} {sign} {x[1]})' if directed else f'{x[0]} {sign} {x[1]}'
        elif name in ('fma', 'mad'):
            value = f'{directed}((double){x[0]} * {x[1]} + {x[2]})' if directed else f'std::fma({x[0]}, {x[1]}, {x[2]})'
        elif name == 'div':
            value = f'{x[0]} / {x[1]}'
        elif name in ('min', 'max'):
            value = f'{"nan_" if "NaN" in op else "std::f"}{name}({x[0]}, {x[1]})'
        elif name == 'copysign':
            value = f'std::copysign({x[1]}, {x[0]})'
        else:
            value = FLOAT_FUNCTIONS[name].format(x[0])
        return self.set(a[0], type_, f'saturate({value})' if 'sat' in op else value)

    def integer_arithmetic(self, op, a):
        name, type_ = op[0], op[-1]
        if 'sat' in op:
            raise Unknown('saturation')
        u, wide = unsigned(type_), type_[0] + str(2 * bits(type_))
        x = [self.get(operand, type_) for operand in a[1:]]
        ux = [self.get(operand, u) for operand in a[1:]] if name not in ('shf', 'prmt', 'bfe') else []
        if name in ('add', 'sub'):
            return self.set(a[0], u, f'{ux[0]} {"+" if name == "add" else "-"} {ux[1]}')
        if name in ('mul', 'mad'):
            if op[1] == 'wide':
                product = f'({cpp_type(unsigned(wide))})(({cpp_type(wide)}){x[0]} * ({cpp_type(wide)}){x[1]})'
                return self.set(a[0], unsigned(wide), product + (f' + {self.get(a[3], unsigned(wide))}' if name == 'mad' else ''))
            if op[1] == 'hi':
                whole = f'{"" if type_[0] == "s" else "unsigned "}__int128'
                product = f'({cpp_type(u)})((({whole}){x[0]} * ({whole}){x[1]}) >> {bits(type_)})'
            else:
                product = f'{ux[0]} * {ux[1]}'
            return self.set(a[0], u, product + (f' + {ux[2]}' if name == 'mad' else ''))
        if name in ('div', 'rem'):
            return self.set(a[0], type_, f'{x[0]} {"/" if name == "div" else "%"} {x[1]}')
        if name in ('min', 'max'):
            return self.set(a[0], type_, f'std::{name}({x[0]}, {x[1]})')
        if name == 'neg':
            return self.set(a[0], u, f'0 - {ux[0]}')
        if name == 'abs':
            return self.set(a[0], u, f'{x[0]} < 0 ? 0 - {ux[0]} : {ux[0]}')
        if name == 'popc':
            return self.set(a[0], 'u32', f'std::popcount({ux[0]})')
        if name == 'clz':
            return self.set(a[0], 'u32', f'std::countl_zero({ux[0]})')
        if name == 'bfe':
            return self.set(a[0], type_, f'extract_bits({x[0]}, {self.get(a[2], "u32")}, {self.get(a[3], "u32")})')
        if name in ('shf', 'prmt'):
            function = 'permute' if name == 'prmt' else f'funnel_{"left" if op[1] == "l" else "right"}'
            return self.set(a[0], 'u32', f'{function}({", ".join(self.get(o, "u32") for o in a[1:])})')
        raise Unknown(name)

    # ---- output ----

    def cpp(self, number, shared_bytes, most_threads):
        by_size = {}
        for name, size in self.registers.items():
            by_size.setdefault(size, []).append(name)
        members = ['int pc = 0;'] + [f'{"bool" if size == 1 else f"uint{size}_t"} ' + ', '.join(f'{n} = 0' for n in names) + ';'
                                     for size, names in by_size.items()]
        if self.depot_size:
            members.append(f'alignas(16) char depot[{self.depot_size}];')
        params = ', '.join(f'{{{offset}, {size}}}' for offset, size in sorted(self.params.values()))
        return '\n'.join([f'struct Registers{number} {{', *members, '};',
                          f'Stop run{number}([[maybe_unused]] Registers{number}& r, [[maybe_unused]] Thread& t, '
                          '[[maybe_unused]] const char* P) {', 'switch (r.pc) { case 0:;', *self.lines, '}',
                          'return kDone;', '}',
                          f'const Entry entry{number}{{{{"{self.name}", run_grid<Registers{number}, run{number}, '
                          f'{"true" if self.stops else "false"}>, {shared_bytes}, {most_threads}, {{{params}}}}}}};'])


def shared_variables(module, body):
    """The byte offsets of those that the kernel's body names, and their bytes: what a launch adds comes behind them."""
    offsets, end, dynamic = {}, 0, []
    for extern, to, name, size in re.findall(
            r'(\.extern\s+)?\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)(?:\[(\d*)\])?;', module):
        if not re.search(rf'\b{name}\b', body):
            continue
        if extern:
            dynamic.append(name)
        else:
            offsets[name] = align(end, int(to))
            end = offsets[name] + int(size or 1)
    end = align(end, 16)
    return {**offsets, **{name: end for name in dynamic}}, end


def parameters(text):
    offsets, end = {}, 0
    for to, type_, name, count in re.findall(r'\.param\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+(\w+)(?:\[(\d+)\])?', text):
        size = bits(type_) // 8 * int(count or 1)
        end = align(end, int(to or bits(type_) // 8))
        offsets[name] = (end, size)
        end += size
    return offsets


def closing_brace(text, at):
    depth = 1
    while depth:
        depth += {'{': 1, '}': -1}.get(text[at], 0)
        at += 1
    return at - 1


def modules(path):
    data = open(path, 'rb').read()
    for found in re.finditer(rb'\.version \d', data):
        yield data[found.start():data.index(b'\0', found.start())].decode()


def main():
    out_path, *objects = sys.argv[1:]
    pieces, seen = ['#include "kernel.h"', 'namespace {'], set()
    for path in objects:
        for module in modules(path):
            module = re.sub(r'//[^\n]*', '', module)
            for entry in re.finditer(r'\.entry\s+(\w+)\s*\(([^)]*)\)([^{]*)\{', module):
                name, params, settings = entry.groups()
                if name in seen:  # a template in several objects
                    continue
                seen.add(name)
                body = module[entry.end():closing_brace(module, entry.end())]
                shared, shared_bytes = shared_variables(module, body)
                limit = re.search(r'\.maxntid\s+(\d+)', settings)
                kernel = Kernel(name, parameters(params), shared, body)
                pieces.append(kernel.cpp(len(seen), shared_bytes, limit.group(1) if limit else 1024))
    if not seen:
        raise Unknown('no PTX in ' + ' '.join(objects))
    with open(out_path, 'w') as out:
        out.write('\n'.join(pieces + ['}']) + '\n')


if __name__ == '__main__':
    try:
        main()
    except Unknown as error:
        sys.exit(f'ptx_to_cpp.py: not translated: {error}')
