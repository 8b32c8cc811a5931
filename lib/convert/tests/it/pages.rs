//! Pages of PDFs: merged, taken out, turned, and what is refused or said to be lost.

use lopdf::content::{Content, Operation};
use lopdf::{
    Document, EncryptionState, EncryptionVersion, Object, ObjectId, Permissions, Stream, StringFormat,
    dictionary,
};
use mshub_convert::{
    Child, Error, Format, Limits, Options, Report, Request, convert_here, convert_in_child, sniff,
};
use tokio_util::sync::CancellationToken;

use crate::files::{Desk, pdf_text};

/// A PDF with a page for each text: sizes and fonts are said once above all pages, each page has a link to the last one,
/// and there are a bookmark, a form and a page that is turned already.
fn book(texts: &[&str]) -> Document {
    let mut document = Document::with_version("1.5");
    let root = document.new_object_id();
    let font =
        document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let ids: Vec<ObjectId> = texts.iter().map(|_| document.new_object_id()).collect();
    let last = *ids.last().unwrap();
    for (text, id) in texts.iter().zip(&ids) {
        let operations = vec![
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec!["F1".into(), 24.into()]),
            Operation::new("Td", vec![60.into(), 600.into()]),
            Operation::new("Tj", vec![Object::string_literal(*text)]),
            Operation::new("ET", vec![]),
        ];
        let content = Stream::new(dictionary! {}, Content { operations }.encode().unwrap());
        let content = document.add_object(content);
        let link = document.add_object(dictionary! {
            "Type" => "Annot", "Subtype" => "Link", "Dest" => Object::string_literal("end"),
            "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
        });
        let page = dictionary! { "Type" => "Page", "Parent" => root, "Contents" => content, "Annots" => vec![link.into()] };
        document.objects.insert(*id, page.into());
    }
    let kids: Vec<Object> = ids.iter().map(|id| (*id).into()).collect();
    let tree = dictionary! {
        "Type" => "Pages", "Kids" => kids, "Count" => texts.len() as i64, "Rotate" => 90,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
    };
    document.objects.insert(root, tree.into());
    let mark = document.add_object(dictionary! { "Title" => Object::string_literal("One") });
    let outline = document.add_object(dictionary! { "First" => mark, "Last" => mark, "Count" => 1 });
    let form = dictionary! { "Fields" => vec![mark.into()], "SigFlags" => 1 };
    let named =
        vec![Object::string_literal("end"), dictionary! { "D" => vec![last.into(), "Fit".into()] }.into()];
    let names =
        dictionary! { "Dests" => dictionary! { "Kids" => vec![dictionary! { "Names" => named }.into()] } };
    let catalog = dictionary! {
        "Type" => "Catalog", "Pages" => root, "Outlines" => outline, "AcroForm" => form, "Names" => names,
    };
    let catalog = document.add_object(catalog);
    document.trailer.set("Root", catalog);
    document
}

fn saved(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn locked(texts: &[&str], password: &str) -> Vec<u8> {
    let mut document = book(texts);
    let id = Object::String(vec![7; 16], StringFormat::Literal);
    document.trailer.set("ID", vec![id.clone(), id]);
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: password,
        user_password: password,
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    saved(document)
}

/// A desk with these PDFs on it, `0.pdf` and so on.
fn desk(files: &[Vec<u8>]) -> Desk {
    let desk = Desk::new();
    for (number, bytes) in files.iter().enumerate() {
        desk.put(&format!("{number}.pdf"), bytes);
    }
    desk
}

fn merge(desk: &Desk, count: usize) -> Request {
    let more = (1..count).map(|number| desk.path(&format!("{number}.pdf"))).collect();
    Request::merge(desk.path("0.pdf"), more, desk.path("all.pdf"))
}

fn wish(desk: &Desk, options: Options) -> Request {
    Request { options, ..Request::new(desk.path("0.pdf"), Format::Pdf, desk.path("out.pdf"), Format::Pdf) }
}

fn picked(pages: &str) -> Options {
    Options { pages: Some(pages.parse().unwrap()), ..Options::default() }
}

fn run(request: &Request) -> Result<(Report, Document), Error> {
    let report = convert_here(request, &mut |_| ())?;
    Ok((report, Document::load(&request.output).unwrap()))
}

/// The text of each page.
fn texts(document: &Document) -> Vec<String> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(&saved(document.clone())).unwrap();
    pages.iter().map(|page| page.trim().to_owned()).collect()
}

/// By how much each page is turned, itself or by what it is part of.
fn turns(document: &Document) -> Vec<Option<i64>> {
    let turn = |id| document.get_dictionary(id).unwrap().get(b"Rotate").and_then(Object::as_i64).ok();
    document.page_iter().map(turn).collect()
}

#[tokio::test]
async fn several_become_one_in_a_child_that_reads_nothing_else() {
    let desk =
        desk(&[saved(book(&["alpha one", "alpha two"])), saved(book(&["beta"])), saved(book(&["gamma"]))]);
    let out = Desk::new();
    let request = Request { output: out.path("all.pdf"), ..merge(&desk, 3) };
    let child = Child {
        program: env!("CARGO_BIN_EXE_mshub-job-child").into(),
        args: Vec::new(),
        limits: Limits::default(),
    };
    let mut steps = Vec::new();

    let report =
        convert_in_child(&child, &request, |step| steps.push(step), CancellationToken::new()).await.unwrap();

    let made = Document::load(&request.output).unwrap();
    assert_eq!(texts(&made), ["alpha one", "alpha two", "beta", "gamma"]);
    assert_eq!((report.pages, report.recall, report.words_in), (Some(4), Some(1.0), Some(6)));
    assert!(
        steps.iter().any(|step| (step.done, step.total, &*step.unit) == (2, Some(3), "documents")),
        "{steps:?}"
    );
    // What is not on a page is not in the result, and that is said of each document.
    assert!(report.degraded && report.lost.len() == 3, "{:?}", report.lost);
    assert!(report.lost[1].starts_with("document 2 of 3 has form fields"), "{:?}", report.lost);
    // Bookmarks came along, one behind the other.
    let marks: Vec<_> = made.objects.values().filter_map(|object| object.as_dict().ok()).collect();
    let marks = marks.iter().filter(|mark| mark.has(b"Title")).count();
    let outlines = made.catalog().unwrap().get_deref(b"Outlines", &made).and_then(Object::as_dict).unwrap();
    assert_eq!((marks, outlines.get(b"Count").and_then(Object::as_i64).ok()), (3, Some(3)));
    let mut chain = vec![outlines.get(b"First").and_then(Object::as_reference).unwrap()];
    while let Ok(next) =
        made.get_dictionary(*chain.last().unwrap()).unwrap().get(b"Next").and_then(Object::as_reference)
    {
        chain.push(next);
    }
    assert_eq!(
        (chain.len(), chain.last().copied().map(Object::from).as_ref()),
        (3, outlines.get(b"Last").ok())
    );
    // Inherited sizes and turns came along, and links stay within their own document.
    assert_eq!(turns(&made), vec![Some(90); 4]);
    let pages: Vec<ObjectId> = made.page_iter().collect();
    let aims: Vec<ObjectId> = pages
        .iter()
        .map(|id| {
            let link = made.get_page_annotations(*id).unwrap()[0];
            link.get(b"Dest").and_then(Object::as_array).unwrap()[0].as_reference().unwrap()
        })
        .collect();
    assert_eq!(aims, [pages[1], pages[1], pages[2], pages[3]]);
}

#[test]
fn pages_are_taken_in_the_order_in_which_they_are_wanted() {
    let desk = desk(&[saved(book(&["one", "two", "three", "four"]))]);

    let (report, made) = run(&wish(&desk, picked("3-,1,1"))).unwrap();

    assert!(report.lost[0].starts_with("bookmarks, form fields"), "{:?}", report.lost);

    assert_eq!(texts(&made), ["three", "four", "one", "one"]);
    assert_eq!((report.pages, report.recall), (Some(4), Some(1.0)));
    let (_, without_last) = run(&wish(&desk, picked("1-2"))).unwrap();
    // The page that the link leads to stays behind, and does not come along hidden.
    assert!(!pdf_text(&saved(without_last.clone())).contains("four"));
    assert_eq!(without_last.page_iter().count(), 2);
    let pages =
        without_last.objects.values().filter(|object| object.type_name().is_ok_and(|name| name == b"Page"));
    assert_eq!(pages.count(), 2);

    for beyond in ["5", "2-5", "9-"] {
        let refused = run(&wish(&desk, picked(beyond))).unwrap_err();
        assert_eq!(refused, Error::NoSuchPage { wanted: beyond.into(), pages: 4 });
        assert!(refused.is_input() && refused.to_string().contains("name pages from 1 to 4"), "{refused}");
    }
}

#[test]
fn pages_turn_on_top_of_how_they_were_turned_and_nothing_else_changes() {
    let desk = desk(&[saved(book(&["one", "two"]))]);
    let turned = |said: &str| Options { rotate: Some(said.parse().unwrap()), ..Options::default() };

    let (report, made) = run(&wish(&desk, turned("270:2"))).unwrap();

    assert_eq!(turns(&made), [None, Some(0)]);
    assert_eq!((texts(&made), report.recall), (vec!["one".to_owned(), "two".into()], Some(1.0)));
    // The book stays whole but for what a change breaks.
    assert!(made.catalog().unwrap().has(b"Outlines"));
    assert_eq!(report.lost, ["its signatures are not valid any more"]);
    assert_eq!(turns(&run(&wish(&desk, turned("180"))).unwrap().1), [Some(270), Some(270)]);
    assert_eq!(run(&wish(&desk, turned("90:3"))).unwrap_err().code(), "no_such_page");
    let both = Options { rotate: Some("90".parse().unwrap()), ..picked("2") };
    assert_eq!(turns(&run(&wish(&desk, both)).unwrap().1), [Some(180)]);
}

#[test]
fn a_file_that_stays_in_its_format_is_taken_as_it_is_when_that_is_wanted() {
    let desk = desk(&[saved(book(&["one"]))]);
    let as_is = Options { as_is: true, ..Options::default() };
    let (report, _) = run(&wish(&desk, as_is.clone())).unwrap();
    assert_eq!(std::fs::read(desk.path("out.pdf")).unwrap(), std::fs::read(desk.path("0.pdf")).unwrap());
    assert_eq!((report.pages, report.recall, report.degraded), (Some(1), Some(1.0), false));
    desk.put("a.txt", "tea");
    let text = Request { options: as_is, ..desk.request("a.txt", Format::Txt) };
    assert_eq!(convert_here(&text, &mut |_| ()).unwrap().bytes_out, 3);

    assert_eq!(run(&wish(&desk, Options::default())).unwrap_err().code(), "unsupported");
    let no_pdf = Request { options: picked("1"), ..desk.request("a.txt", Format::Pdf) };
    let refused = convert_here(&no_pdf, &mut |_| ()).unwrap_err().to_string();
    assert!(refused.contains("convert to pdf first"), "{refused}");
}

#[test]
fn locked_damaged_and_endless_documents_end_with_their_own_errors() {
    let whole = saved(book(&["one"]));
    let with = |options: Options, files: &[Vec<u8>]| {
        let desk = desk(files);
        let request = Request { options, ..merge(&desk, files.len()) };
        run(&request).map(|(report, made)| (report, texts(&made)))
    };
    let plain = || Options { as_is: true, ..Options::default() };
    let key = |password: &str| Options { password: Some(password.into()), as_is: true, ..Options::default() };
    let files = [whole.clone(), locked(&["secret"], "key")];

    assert_eq!(sniff(&desk(&files).path("1.pdf"), "1.pdf", None), Err(Error::Encrypted));
    assert_eq!(with(plain(), &files).unwrap_err(), Error::Encrypted);
    assert_eq!(with(key("wrong"), &files).unwrap_err(), Error::WrongPassword);
    let (report, texts) = with(key("key"), &files).unwrap();
    assert_eq!(texts, ["one", "secret"]);
    assert_eq!(report.warnings, ["document 2 of 2 was protected by a password, and the result is not"]);

    let half = whole[..whole.len() / 2].to_vec();
    let damaged = with(plain(), &[whole.clone(), half]).unwrap_err();
    assert!(damaged.code() == "corrupt" && damaged.to_string().contains("document 2 of 2"), "{damaged}");
    let mut empty = book(&["one"]);
    let pages = empty.catalog().unwrap().get(b"Pages").and_then(Object::as_reference).unwrap();
    empty.get_dictionary_mut(pages).unwrap().set("Kids", Vec::<Object>::new());
    assert_eq!(with(plain(), &[whole, saved(empty)]).unwrap_err().code(), "corrupt");
    // A tree that is its own branch, with a page in it.
    let mut endless = book(&["one"]);
    let page = endless.page_iter().next().unwrap();
    let tree = endless.get_dictionary_mut(pages).unwrap();
    tree.set("Kids", vec![page.into(), pages.into()]);
    tree.set("Parent", pages);
    let ended = with(plain(), &[saved(endless), saved(book(&["two"]))]);
    assert!(ended.is_ok_and(|(report, _)| report.pages.is_some_and(|pages| pages >= 2)));
}
