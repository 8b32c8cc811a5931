//! The parts of a sheet that are seen: without what is hidden, only what shall be printed, and as far as pictures reach.

use super::print_areas::Area;
use super::sheet_pictures::{Picture, Spot};
use super::workbook::{Cell, Sheet, Workbook};

/// Rows and columns added at most below and beside the values, for pictures that reach further.
const FURTHER: usize = 2_000;
const WIDER: usize = 64;

/// Adds the sheet to the workbook: as a whole, or each area that shall be printed by itself.
pub(super) fn printed(mut sheet: Sheet, for_pages: bool, workbook: &mut Workbook) {
    reach_merges(&mut sheet);
    sheet.used = (sheet.rows.len(), width(&sheet));
    let areas = if for_pages { sheet.geometry.printed.areas.clone() } else { Vec::new() };
    if areas.is_empty() {
        make_room(&mut sheet);
        let (rows, columns) = hide(&mut sheet, None);
        if rows + columns > 0 {
            workbook.warnings.push(format!(
                "sheet '{}': {rows} hidden rows and {columns} hidden columns were left out",
                sheet.name
            ));
        }
        add(sheet, workbook);
        return;
    }
    workbook.warnings.push(format!(
        "sheet '{}': only its print areas are printed ({})",
        sheet.name,
        areas.len()
    ));
    for area in areas {
        let mut part = sheet.clone();
        hide(&mut part, Some(area));
        add(part, workbook);
    }
}

fn add(sheet: Sheet, workbook: &mut Workbook) {
    let says = sheet.rows.iter().flatten().any(|cell| !cell.is_empty());
    if says || !sheet.pictures.is_empty() || !sheet.unread.is_empty() {
        workbook.sheets.push(sheet);
    }
}

fn width(sheet: &Sheet) -> usize {
    sheet.rows.iter().map(Vec::len).max().unwrap_or(0)
}

/// Empty cells as far as merged areas reach that say something: the library ends with the last value.
fn reach_merges(sheet: &mut Sheet) {
    let (mut height, mut wide) = (sheet.rows.len(), width(sheet));
    for [top, left, bottom, right] in &sheet.merges {
        let first = sheet.rows.get(*top).and_then(|row| row.get(*left));
        if first.is_some_and(|cell| !cell.is_empty()) {
            height = height.max((*bottom + 1).min(sheet.rows.len() + WIDER));
            wide = wide.max((*right + 1).min(width(sheet) + WIDER));
        }
    }
    widen(sheet, height, wide);
}

fn widen(sheet: &mut Sheet, height: usize, width: usize) {
    sheet.rows.resize(height.max(sheet.rows.len()), Vec::new());
    if let Some(first) = sheet.rows.first_mut().filter(|first| first.len() < width) {
        first.resize(width, Cell::default());
    }
}

/// Empty cells as far as the pictures reach.
fn make_room(sheet: &mut Sheet) {
    let (rows, columns) = sheet.used;
    let reached = |needed: usize, has: usize, more: usize| needed.min(has + more).max(has);
    let (mut height, mut width) = (rows, columns);
    for picture in &sheet.pictures {
        let (row, column) = picture.ends();
        height = height.max(reached(row, rows, FURTHER));
        width = width.max(reached(column, columns, WIDER));
    }
    widen(sheet, height, width);
}

/// Takes out what is hidden and what is not in the area; returns how many rows and columns were hidden.
fn hide(sheet: &mut Sheet, area: Option<Area>) -> (usize, usize) {
    let [top, left, bottom, right] = area.unwrap_or([0, 0, usize::MAX, usize::MAX]);
    let (height, width) = (sheet.rows.len(), width(sheet));
    let geometry = &sheet.geometry;
    let rows: Vec<usize> =
        (top..height.min(bottom.saturating_add(1))).filter(|row| !geometry.row_hidden(*row)).collect();
    let columns: Vec<usize> = (left..width.min(right.saturating_add(1)))
        .filter(|column| !geometry.column_hidden(*column))
        .collect();
    let gone = (height - rows.len(), width - columns.len());
    if gone != (0, 0) {
        keep(sheet, &rows, &columns);
    } else {
        sheet.geometry.frozen_rows = sheet.geometry.frozen_rows.max(sheet.geometry.printed.titles);
    }
    gone
}

fn keep(sheet: &mut Sheet, rows: &[usize], columns: &[usize]) {
    sheet.rows = rows
        .iter()
        .map(|row| {
            let cells = &sheet.rows[*row];
            columns
                .iter()
                .take_while(|column| **column < cells.len())
                .map(|column| cells[*column].clone())
                .collect()
        })
        .collect();
    let visible = |kept: &[usize], first: usize, last: usize| {
        let inside: Vec<usize> = (0..kept.len()).filter(|at| (first..=last).contains(&kept[*at])).collect();
        Some((*inside.first()?, *inside.last()?))
    };
    sheet.merges = sheet
        .merges
        .iter()
        .filter_map(|[top, left, bottom, right]| {
            let (top, bottom) = visible(rows, *top, *bottom)?;
            let (left, right) = visible(columns, *left, *right)?;
            Some([top, left, bottom, right])
        })
        .collect();
    let before = |kept: &[usize], place: usize| kept.partition_point(|at| *at < place);
    sheet.used = (before(rows, sheet.used.0), before(columns, sheet.used.1));
    let moved =
        |spot: Spot| Spot { row: before(rows, spot.row), column: before(columns, spot.column), ..spot };
    let begins_here = |picture: &Picture| {
        let (row, column) = picture.begins();
        let within = |kept: &[usize], at: usize| {
            kept.first().is_some_and(|first| *first <= at) && kept.last().is_some_and(|last| at <= *last)
        };
        within(rows, row) && within(columns, column)
    };
    let pictures = std::mem::take(&mut sheet.pictures);
    sheet.pictures = pictures.into_iter().filter(begins_here).map(|picture| picture.moved(moved)).collect();
    sheet.geometry = sheet.geometry.keep(rows, columns);
}
