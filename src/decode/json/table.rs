//! What one pass over a document finds, as tables: one row for the document, one for each item.
//!
//! All ways that a rule asks for are merged into a tree by their common beginnings. Each wildcard in it is
//! a *scope*: a table with a row for each element or key that it takes, which knows the row of the scope
//! around it. What the ways lead to stands in the cells, as places in the document, so that numbers keep
//! all their digits and nothing is copied. The memory is used again for the next document.

use super::super::octets::first_of_string_end;
use super::path::Step;
use super::scan::{Behind, NotJson, Quoted, behind, behind_space, key, skip};
use std::ops::Range;

/// Cells of all tables together, at most: a document that has more is read up to here.
const CELLS_MAX: usize = 1 << 20;
/// Keys that are looked at in a document to find the places of its items elsewhere.
const LOOKED_MAX: usize = 1 << 22;
/// Cells that are kept for the next document.
const CELLS_KEPT: usize = 1 << 14;

/// The column of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) scope: usize,
    column: usize,
}

/// All ways of a rule, merged.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    scopes: Vec<Scope>,
}

#[derive(Debug, Default)]
struct Node {
    scope: usize,
    /// The column of the ways that end here.
    column: Option<usize>,
    /// Where ways go on, in the order of the configuration, which is often that of the document.
    children: Vec<Child>,
    /// Where ways go on over everything else.
    every: Option<Every>,
}

impl Node {
    /// True if no way goes on here.
    fn is_leaf(&self) -> bool {
        self.children.is_empty() && self.every.is_none()
    }
}

#[derive(Debug)]
struct Child {
    key: Box<str>,
    /// The key as it mostly stands in a document, with its colon; `None` if it cannot without escapes.
    written: Option<Box<[u8]>>,
    /// The key as the number of an element.
    place: Option<usize>,
    node: usize,
}

#[derive(Debug, Clone, Copy)]
struct Every {
    scope: usize,
    node: usize,
}

/// A wildcard, or the document as a whole.
#[derive(Debug, Default)]
struct Scope {
    /// The scope around it; its own for the document.
    parent: usize,
    columns: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Tables {
    all: Vec<Table>,
    cells: usize,
    /// True if there was more than is taken.
    overflow: bool,
    looked: usize,
    open: Vec<u8>,
}

#[derive(Debug, Default)]
struct Table {
    columns: usize,
    rows: Vec<Row>,
    cells: Vec<Option<Place>>,
    /// Where the next row is expected that stands beside an item.
    expected: usize,
}

/// A row of a scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The row of the scope around it.
    pub(super) parent: usize,
    /// Where it stands there.
    pub(super) key: RowKey,
}

/// Where an item stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowKey {
    /// In an array.
    Element(usize),
    /// In an object, under the key between these quotes.
    Key(Place),
}

/// A place in a document: half of what a range takes. Payloads are far smaller than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    fn of(range: Range<usize>) -> Self {
        let offset = |at: usize| u32::try_from(at).expect("a payload has 16 MiB at most");
        Self { start: offset(range.start), end: offset(range.end) }
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()], scopes: vec![Scope::default()] }
    }

    /// The cell of what a way leads to.
    pub(super) fn cell(&mut self, way: &[Step]) -> Cell {
        let ix = self.node(way);
        let node = self.nodes.get_mut(ix).expect("just made");
        let scope = node.scope;
        let columns = &mut self.scopes.get_mut(scope).expect("made with its node").columns;
        let column = *node.column.get_or_insert_with(|| {
            *columns += 1;
            *columns - 1
        });
        Cell { scope, column }
    }

    /// The scope in which a way ends.
    pub(super) fn scope(&mut self, way: &[Step]) -> usize {
        let ix = self.node(way);
        self.nodes.get(ix).map_or(0, |node| node.scope)
    }

    /// The scope around a scope.
    pub(super) fn parent(&self, scope: usize) -> usize {
        self.scopes.get(scope).map_or(0, |scope| scope.parent)
    }

    pub(super) fn scopes(&self) -> usize {
        self.scopes.len()
    }

    fn node(&mut self, way: &[Step]) -> usize {
        let mut at = 0;
        for step in way {
            let fresh = self.nodes.len();
            let node = self.nodes.get_mut(at).expect("an index that was handed out");
            let known = match step {
                Step::Key(key) => {
                    node.children.iter().find(|child| child.key == *key).map(|child| child.node)
                }
                Step::Every => node.every.map(|every| every.node),
            };
            if let Some(known) = known {
                at = known;
                continue;
            }
            let mut scope = node.scope;
            match step {
                Step::Key(key) => {
                    let place = key.parse().ok().filter(|n: &usize| n.to_string() == **key);
                    let written = written(key);
                    node.children.push(Child { key: key.clone(), written, place, node: fresh });
                }
                Step::Every => {
                    let inner = self.scopes.len();
                    node.every = Some(Every { scope: inner, node: fresh });
                    self.scopes.push(Scope { parent: scope, columns: 0 });
                    scope = inner;
                }
            }
            self.nodes.push(Node { scope, ..Node::default() });
            at = fresh;
        }
        at
    }

    /// Fills the tables from a document. Of a key that stands twice in one object the last counts, but where
    /// each key is an item: there both are.
    pub(super) fn fill(&self, document: &str, tables: &mut Tables) -> Result<(), NotJson> {
        tables.begin(self);
        let root = self.nodes.first().ok_or(NotJson)?;
        let mut walk = Walk { tree: self, tables, len: document.len() };
        let rest = walk.value(root, 0, document.as_bytes())?;
        if behind_space(rest).is_empty() { Ok(()) } else { Err(NotJson) }
    }
}

impl Tables {
    fn begin(&mut self, tree: &Tree) {
        self.all.resize_with(tree.scopes.len(), Table::default);
        if self.cells > CELLS_KEPT {
            for table in &mut self.all {
                *table = Table::default();
            }
            self.open = Vec::new();
        }
        for (table, scope) in self.all.iter_mut().zip(&tree.scopes) {
            table.columns = scope.columns;
            table.rows.clear();
            table.cells.clear();
            table.expected = 0;
        }
        (self.cells, self.looked, self.overflow) = (0, 0, false);
        self.push(0, 0, RowKey::Element(0));
    }

    /// A new row; `None` if there are too many.
    fn push(&mut self, scope: usize, parent: usize, key: RowKey) -> Option<usize> {
        let table = self.all.get_mut(scope)?;
        // A row without cells costs as well.
        let cells = self.cells + table.columns + 1;
        if cells > CELLS_MAX && scope != 0 {
            self.overflow = true;
            return None;
        }
        self.cells = cells;
        table.rows.push(Row { parent, key });
        table.cells.resize(table.cells.len() + table.columns, None);
        Some(table.rows.len() - 1)
    }

    fn set(&mut self, scope: usize, row: usize, column: usize, to: Option<Place>) {
        let Some(table) = self.all.get_mut(scope) else { return };
        if let Some(cell) = table.cells.get_mut(row * table.columns + column) {
            *cell = to;
        }
    }

    /// Takes away the rows whose row around them has gone, or whose scope is `forgotten` and whose row
    /// around them is `row`. Both stand at the end.
    fn cut(&mut self, tree: &Tree, forgotten: usize, row: usize) {
        for scope in forgotten..self.all.len() {
            let left = self.rows(tree.parent(scope)).len();
            let Some(table) = self.all.get_mut(scope) else { continue };
            while table.rows.last().is_some_and(|last| {
                last.parent >= left || (scope == forgotten && last.parent == row)
            }) {
                table.rows.pop();
            }
            table.cells.truncate(table.rows.len() * table.columns);
        }
    }

    pub(super) fn rows(&self, scope: usize) -> &[Row] {
        self.all.get(scope).map_or(&[], |table| &table.rows)
    }

    /// What stands in a cell; `None` for nothing or `null`.
    pub(super) fn get(&self, cell: Cell, row: usize) -> Option<Place> {
        let table = self.all.get(cell.scope)?;
        table.cells.get(row * table.columns + cell.column).copied()?
    }

    /// The row of a scope that stands at the same place as an item of another one, in the row around it.
    ///
    /// In an object it is looked for behind the one that was found last, since sources keep an order; so
    /// that a payload cannot ask for much work, what is looked at in all is bounded.
    pub(super) fn beside(
        &mut self,
        document: &str,
        scope: usize,
        around: usize,
        key: RowKey,
    ) -> Option<usize> {
        let table = self.all.get_mut(scope)?;
        let first = table.rows.partition_point(|row| row.parent < around);
        let last = first + table.rows.get(first..)?.partition_point(|row| row.parent == around);
        let wanted = match key {
            RowKey::Element(place) => {
                let row = first.checked_add(place).filter(|row| *row < last)?;
                let there = matches!(table.rows.get(row)?.key, RowKey::Element(at) if at == place);
                return there.then_some(row);
            }
            RowKey::Key(wanted) => document.get(wanted.range())?,
        };
        let start = if (first..last).contains(&table.expected) { table.expected } else { first };
        for row in (start..last).chain(first..start) {
            if self.looked > LOOKED_MAX {
                self.overflow = true;
                return None;
            }
            self.looked += 1;
            let RowKey::Key(place) = table.rows.get(row)?.key else { return None };
            if document.get(place.range())? == wanted {
                table.expected = row + 1;
                return Some(row);
            }
        }
        None
    }

    pub(super) fn overflow(&self) -> bool {
        self.overflow
    }
}

/// The pass over a document: what takes the text that comes gives the text behind it.
struct Walk<'a> {
    tree: &'a Tree,
    tables: &'a mut Tables,
    /// How long the document is.
    len: usize,
}

impl<'a> Walk<'a> {
    /// The offset of a text that goes to the end of the document.
    fn at(&self, rest: &[u8]) -> usize {
        self.len - rest.len()
    }

    /// Reads the value to which a node of the tree belongs, in a row of its scope.
    fn value<'d>(&mut self, node: &'a Node, row: usize, text: &'d [u8]) -> Behind<'d> {
        let text = behind_space(text);
        let rest = match text {
            [b'{', inside @ ..] if !node.is_leaf() => self.object(node, row, inside)?,
            [b'[', inside @ ..] if !node.is_leaf() => self.array(node, row, inside)?,
            _ => skip(text, &mut self.tables.open)?,
        };
        if let Some(column) = node.column {
            // `null` is nothing.
            let some = text.first() != Some(&b'n');
            let place = some.then(|| Place::of(self.at(text)..self.at(rest)));
            self.tables.set(node.scope, row, column, place);
        }
        Ok(rest)
    }

    /// Reads an object behind its brace.
    fn object<'d>(&mut self, node: &'a Node, row: usize, mut text: &'d [u8]) -> Behind<'d> {
        if let Some(rest) = behind(b'}', text) {
            return Ok(rest);
        }
        // Where the next key is expected: a source keeps its order.
        let mut expected = 0;
        loop {
            let likely = node.children.get(expected);
            let rest = if let Some(child) = likely
                && let Some(written) = &child.written
                && let Some(value) = text.strip_prefix(&**written)
            {
                expected += 1;
                self.child(child.node, row, value)?
            } else {
                let (key, value) = key(text)?;
                match (child(node, &key, &mut expected), node.every) {
                    (Some(child), _) => self.child(child, row, value)?,
                    (None, Some(every)) => {
                        let end = self.at(key.rest) - 1;
                        let place = Place::of(end - key.inside.len()..end);
                        self.every(every, row, RowKey::Key(place), value)?
                    }
                    (None, None) => skip(value, &mut self.tables.open)?,
                }
            };
            match behind_space(rest) {
                [b',', rest @ ..] => text = rest,
                [b'}', rest @ ..] => return Ok(rest),
                _ => return Err(NotJson),
            }
        }
    }

    /// Reads the value of a key to which a node belongs.
    fn child<'d>(&mut self, node: usize, row: usize, text: &'d [u8]) -> Behind<'d> {
        let node = self.node(node)?;
        if !node.is_leaf() {
            // It may have come before.
            self.forget(node, row);
        }
        self.value(node, row, text)
    }

    /// Reads an array behind its bracket.
    fn array<'d>(&mut self, node: &'a Node, row: usize, mut text: &'d [u8]) -> Behind<'d> {
        if let Some(rest) = behind(b']', text) {
            return Ok(rest);
        }
        for place in 0.. {
            let child = node.children.iter().find(|child| child.place == Some(place));
            let rest = match (child, node.every) {
                (Some(child), _) => self.value(self.node(child.node)?, row, text)?,
                (None, Some(every)) => self.every(every, row, RowKey::Element(place), text)?,
                (None, None) => skip(text, &mut self.tables.open)?,
            };
            match behind_space(rest) {
                [b',', rest @ ..] => text = rest,
                [b']', rest @ ..] => return Ok(rest),
                _ => break,
            }
        }
        Err(NotJson)
    }

    /// Reads what no way names.
    fn every<'d>(&mut self, every: Every, row: usize, key: RowKey, text: &'d [u8]) -> Behind<'d> {
        match self.tables.push(every.scope, row, key) {
            Some(inner) => self.value(self.node(every.node)?, inner, text),
            None => skip(text, &mut self.tables.open),
        }
    }

    /// A node that another one names.
    fn node(&self, ix: usize) -> Result<&'a Node, NotJson> {
        // There is no other: the tree is made with its nodes.
        self.tree.nodes.get(ix).ok_or(NotJson)
    }

    /// Forgets what the ways at and below a node have found in a row, when its key comes again. What a
    /// leaf has found is replaced.
    fn forget(&mut self, node: &Node, row: usize) {
        let tree = self.tree;
        if let Some(column) = node.column {
            self.tables.set(node.scope, row, column, None);
        }
        for child in node.children.iter().filter_map(|child| tree.nodes.get(child.node)) {
            self.forget(child, row);
        }
        if let Some(every) = node.every {
            self.tables.cut(tree, every.scope, row);
        }
    }
}

fn written(key: &str) -> Option<Box<[u8]>> {
    let plain = first_of_string_end(key.as_bytes()).is_none();
    plain.then(|| format!("\"{key}\":").into_bytes().into())
}

/// The node to which a key leads.
#[inline]
fn child(node: &Node, key: &Quoted<'_>, expected: &mut usize) -> Option<usize> {
    let plain;
    let key = if key.escaped {
        let quoted = [b"\"", key.inside, b"\""].concat();
        plain = serde_json::from_slice::<String>(&quoted).ok()?;
        plain.as_bytes()
    } else {
        key.inside
    };
    let is = |child: &&Child| *child.key.as_bytes() == *key;
    if let Some(child) = node.children.get(*expected).filter(is) {
        *expected += 1;
        return Some(child.node);
    }
    let found = node.children.iter().position(|child| is(&child))?;
    *expected = found + 1;
    node.children.get(found).map(|child| child.node)
}

#[cfg(test)]
mod tests;
