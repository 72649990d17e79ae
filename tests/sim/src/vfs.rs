//! Puts [`Disk`]s under SQLite: the few functions that it calls for its files.
//!
//! Once installed this is the way of all databases of the process that do not live in memory. A
//! directory is a disk ([`mount`]); a file in any other directory cannot be opened. Each function
//! turns SQLite's pointers into a `Handle` and slices, and leaves the work to safe code.
#![expect(unsafe_code, reason = "SQLite calls a file layer through pointers")]

use crate::disk::Disk;
use crate::locks::User;
use crate::memory::Region;
use crate::random::Random;
use rusqlite::ffi::{self, sqlite3_file, sqlite3_vfs};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// The longest name of a file.
const NAME_MAX: c_int = 1024;

/// The disks by their directories.
static DISKS: Mutex<BTreeMap<String, Arc<Disk>>> = Mutex::new(BTreeMap::new());
static USERS: AtomicU64 = AtomicU64::new(1);

/// Lets files of a directory be on a disk from now on, in place of the one before.
pub fn mount(directory: &str, disk: Arc<Disk>) {
    install();
    DISKS.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.to_owned(), disk);
}

/// The directory has no disk any more.
pub fn unmount(directory: &str) {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner).remove(directory);
}

/// An open file.
#[derive(Debug)]
struct Handle {
    disk: Arc<Disk>,
    name: String,
    user: User,
    read_only: bool,
    /// Held, so that no address that SQLite has is ever free memory.
    regions: Vec<Arc<Region>>,
}

/// What SQLite gives the room for: its own part, then ours.
#[repr(C)]
struct OpenFile {
    base: sqlite3_file,
    handle: *mut Handle,
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = sqlite3_vfs {
            iVersion: 2,
            szOsFile: size::<OpenFile>(),
            mxPathname: NAME_MAX,
            pNext: ptr::null_mut(),
            zName: c"failing".as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_path),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: None,
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        };
        // SAFETY: the structure lives as long as the process, and all its functions are set that
        // SQLite calls without asking whether they are.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite did not take the file layer");
    });
}

fn size<T>() -> c_int {
    c_int::try_from(size_of::<T>()).expect("a structure is small")
}

/// The disk of a path, and the file's name on it.
fn find(path: &str) -> Option<(Arc<Disk>, &str)> {
    let (directory, name) = path.rsplit_once('/')?;
    let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    Some((Arc::clone(disks.get(directory)?), name))
}

fn code(result: Result<(), c_int>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// # Safety
/// `text` is a text of C, or null.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: as promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().ok()).flatten()
}

/// # Safety
/// `file` was opened by [`open`] and is not closed; SQLite uses a file from one thread at a time.
unsafe fn handle<'a>(file: *mut sqlite3_file) -> &'a mut Handle {
    // SAFETY: `open` put it there, and `close` alone takes it away.
    unsafe { &mut *(*file.cast::<OpenFile>()).handle }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a text or null, room for an `OpenFile`, and an address or null. Without
    // methods it does not call `close`.
    unsafe {
        (*file).pMethods = ptr::null();
        let user = USERS.fetch_add(1, Ordering::Relaxed);
        let (disk, name, temporary) = match text(path) {
            Some(path) => match find(path) {
                Some((disk, name)) => (disk, name.to_owned(), false),
                None => return ffi::SQLITE_CANTOPEN,
            },
            None => (Arc::new(Disk::new(Random::new(0, "temporary"))), "temporary".into(), true),
        };
        if let Err(code) = disk.open(&name, temporary || flags & ffi::SQLITE_OPEN_CREATE != 0) {
            return code;
        }
        if !flags_out.is_null() {
            *flags_out = flags;
        }
        let read_only = flags & ffi::SQLITE_OPEN_READONLY != 0;
        let handle = Handle { disk, name, user, read_only, regions: Vec::new() };
        (*file.cast::<OpenFile>()).handle = Box::into_raw(Box::new(handle));
        (*file).pMethods = &raw const METHODS;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open, and SQLite does not use it after this.
    let handle = unsafe { Box::from_raw((*file.cast::<OpenFile>()).handle) };
    handle.disk.with_users(&handle.name, |locks, memory| {
        locks.lower(handle.user, ffi::SQLITE_LOCK_NONE);
        memory.unmap(handle.user);
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, len: c_int, at: i64) -> c_int {
    // SAFETY: the file is open, and there is room for `len` bytes.
    let (handle, to) = unsafe { (handle(file), slice::from_raw_parts_mut(to.cast(), place(len))) };
    match handle.disk.read(&handle.name, offset(at), to) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: i64,
) -> c_int {
    // SAFETY: the file is open, and there are `len` bytes.
    let (handle, data) = unsafe { (handle(file), slice::from_raw_parts(from.cast(), place(len))) };
    if handle.read_only {
        return ffi::SQLITE_IOERR_WRITE;
    }
    code(handle.disk.write(&handle.name, offset(at), data))
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, len: i64) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    if handle.read_only {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    code(handle.disk.truncate(&handle.name, offset(len)))
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    code(handle.disk.sync(&handle.name))
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: the file is open, and `out` is a number's address.
    unsafe {
        let handle = handle(file);
        code(handle.disk.len(&handle.name).map(|len| *out = i64::try_from(len).unwrap_or(i64::MAX)))
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    let raised = handle.disk.with_users(&handle.name, |locks, _| locks.raise(handle.user, level));
    code(raised.unwrap_or(Err(ffi::SQLITE_IOERR_LOCK)))
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    handle.disk.with_users(&handle.name, |locks, _| locks.lower(handle.user, level));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open, and `out` is a number's address.
    unsafe {
        let handle = handle(file);
        let reserved = handle.disk.with_users(&handle.name, |locks, _| locks.reserved());
        *out = c_int::from(reserved.unwrap_or(false));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    // What SQLite's own layer says on Linux.
    4096
}

unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    // What SQLite's own layer says on Linux: a torn write leaves alone what it was not to write.
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `out` is an address for an address.
    unsafe {
        let handle = handle(file);
        *out = ptr::null_mut();
        if handle.disk.is_dead() {
            return ffi::SQLITE_IOERR_SHMMAP;
        }
        let found = handle.disk.with_users(&handle.name, |_, memory| {
            memory.map(handle.user, place(region), place(size), extend != 0)
        });
        match found {
            Some(Some(region)) => {
                *out = region.address().cast();
                handle.regions.push(region);
                ffi::SQLITE_OK
            }
            Some(None) => ffi::SQLITE_OK,
            None => ffi::SQLITE_IOERR_SHMMAP,
        }
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    first: c_int,
    n: c_int,
    how: c_int,
) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    let locked =
        handle.disk.with_users(&handle.name, |_, memory| memory.lock(handle.user, first, n, how));
    // Of a file that is gone with its disk nobody holds anything.
    locked.unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn shm_barrier(_: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite has let go of the addresses.
    let handle = unsafe { handle(file) };
    handle.disk.with_users(&handle.name, |_, memory| memory.unmap(handle.user));
    handle.regions.clear();
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, path: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite gives a text.
    match unsafe { text(path) }.and_then(find) {
        Some((disk, name)) => code(disk.remove(name, sync != 0)),
        None => ffi::SQLITE_IOERR_DELETE_NOENT,
    }
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a text and a number's address.
    unsafe {
        let there = text(path).and_then(find).map_or(Ok(false), |(disk, name)| disk.exists(name));
        *out = c_int::from(there.unwrap_or(false));
        code(there.map(|_| ()))
    }
}

unsafe extern "C" fn full_path(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a text, and room for so many bytes.
    unsafe {
        let bytes = CStr::from_ptr(path).to_bytes_with_nul();
        if bytes.len() > place(room) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives room for so many bytes.
    let out: &mut [u8] = unsafe { slice::from_raw_parts_mut(out.cast(), place(len)) };
    let mut random = Random::new(0, "SQLite");
    for byte in out {
        *byte = u8::try_from(random.within(0..256)).expect("it is below 256");
    }
    len
}

/// Nobody waits here: whoever holds a lock is done with it only when the one who asks goes on.
unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, micros: c_int) -> c_int {
    std::thread::yield_now();
    micros
}

/// Days since noon of the 24th of November 4714 BC; none of our tables has a time of SQLite's.
const TODAY: i32 = 2_460_000;

unsafe extern "C" fn current_time(_: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite gives a number's address.
    unsafe { *out = f64::from(TODAY) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut sqlite3_vfs, out: *mut i64) -> c_int {
    // SAFETY: SQLite gives a number's address.
    unsafe { *out = i64::from(TODAY) * 86_400_000 };
    ffi::SQLITE_OK
}

fn place(n: c_int) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn offset(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}
