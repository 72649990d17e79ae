//! What one pass over a document finds, as tables: one row for the document, one for each item.
//!
//! All ways that a rule asks for are merged into a tree by their common beginnings. Each wildcard in it is
//! a *scope*: a table with a row for each element or key that it takes, which knows the row of the scope
//! around it. What the ways lead to stands in the cells, as places in the document, so that numbers keep
//! all their digits and nothing is copied. The memory is used again for the next document.

use super::path::Step;
use super::scan::{NotJson, Quoted, Scanner};
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
    fn of(range: &Range<usize>) -> Self {
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
                    node.children.push(Child { key: key.clone(), place, node: fresh });
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
        let mut walk = Walk { tree: self, tables, scanner: Scanner::new(document) };
        walk.value(0, 0)?;
        if walk.scanner.next().is_some() { Err(NotJson) } else { Ok(()) }
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

/// The pass over a document.
struct Walk<'a, 'd> {
    tree: &'a Tree,
    tables: &'a mut Tables,
    scanner: Scanner<'d>,
}

impl<'a> Walk<'a, '_> {
    /// Reads the value to which a node of the tree belongs, in a row of its scope.
    fn value(&mut self, ix: usize, row: usize) -> Result<(), NotJson> {
        let Some(node) = self.tree.nodes.get(ix) else { return self.skip() };
        let first = self.scanner.next();
        let start = self.scanner.at();
        match first {
            Some(b'{') if !node.is_leaf() => self.object(node, row)?,
            Some(b'[') if !node.is_leaf() => self.array(node, row)?,
            _ => self.skip()?,
        }
        if let Some(column) = node.column {
            // `null` is nothing.
            let place = (first != Some(b'n')).then(|| Place::of(&(start..self.scanner.at())));
            self.tables.set(node.scope, row, column, place);
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), NotJson> {
        self.scanner.skip(&mut self.tables.open)
    }

    fn object(&mut self, node: &'a Node, row: usize) -> Result<(), NotJson> {
        self.scanner.takes(b'{');
        if self.scanner.takes(b'}') {
            return Ok(());
        }
        // Where the next key is expected: a source keeps its order.
        let mut expected = 0;
        loop {
            let key = self.scanner.key()?;
            match child(node, &key, self.scanner.text(key.place.clone()), &mut expected) {
                Some(ix) => {
                    self.forget(ix, row);
                    self.value(ix, row)?;
                }
                None => self.every(node, row, RowKey::Key(Place::of(&key.place)))?,
            }
            if self.scanner.takes(b',') {
                continue;
            }
            return if self.scanner.takes(b'}') { Ok(()) } else { Err(NotJson) };
        }
    }

    fn array(&mut self, node: &'a Node, row: usize) -> Result<(), NotJson> {
        self.scanner.takes(b'[');
        if self.scanner.takes(b']') {
            return Ok(());
        }
        let mut place = 0;
        loop {
            match node.children.iter().find(|child| child.place == Some(place)) {
                Some(child) => self.value(child.node, row)?,
                None => self.every(node, row, RowKey::Element(place))?,
            }
            if self.scanner.takes(b',') {
                place += 1;
                continue;
            }
            return if self.scanner.takes(b']') { Ok(()) } else { Err(NotJson) };
        }
    }

    /// Reads what no way names.
    fn every(&mut self, node: &Node, row: usize, key: RowKey) -> Result<(), NotJson> {
        let Some(every) = node.every else { return self.skip() };
        match self.tables.push(every.scope, row, key) {
            Some(inner) => self.value(every.node, inner),
            None => self.skip(),
        }
    }

    /// Forgets what the ways at and below a node have found in a row, when its key comes again. What a
    /// leaf has found is replaced.
    fn forget(&mut self, ix: usize, row: usize) {
        let tree = self.tree;
        let Some(node) = tree.nodes.get(ix).filter(|node| !node.is_leaf()) else { return };
        self.forget_all(node, row);
    }

    fn forget_all(&mut self, node: &Node, row: usize) {
        let tree = self.tree;
        if let Some(column) = node.column {
            self.tables.set(node.scope, row, column, None);
        }
        for child in node.children.iter().filter_map(|child| tree.nodes.get(child.node)) {
            self.forget_all(child, row);
        }
        if let Some(every) = node.every {
            self.tables.cut(tree, every.scope, row);
        }
    }
}

/// The node to which a key leads.
fn child(node: &Node, at: &Quoted, key: &str, expected: &mut usize) -> Option<usize> {
    let plain;
    let key = if at.escaped {
        plain = serde_json::from_str::<String>(&format!("\"{key}\"")).ok()?;
        plain.as_str()
    } else {
        key
    };
    let is = |child: &&Child| *child.key == *key;
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
