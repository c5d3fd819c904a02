import Glibc
import MeshStore
import Testing

@Suite struct FileTests {
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `a secret is written for its user alone and read back`() throws {
        try Files.writePrivate(folder("key"), [1, 2, 3])
        #expect(folder.mode("key") == 0o600)
        #expect(try Files.readPrivate(folder("key")) == [1, 2, 3])
        try Files.writePrivate(folder("key"), [4])
        #expect(try Files.readPrivate(folder("key")) == [4])
        #expect(try Files.list(folder.path) == ["key"])
    }

    @Test func `what an interrupted write left does not lend its mode`() throws {
        try folder.write("key.writing", [9, 9], mode: 0o666)
        try Files.writePrivate(folder("key"), [1])
        #expect(folder.mode("key") == 0o600)
        #expect(try Files.list(folder.path) == ["key"])
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o601] as [mode_t])
    func `a secret that is open to others is refused`(mode: mode_t) throws {
        try folder.write("key", [1], mode: mode)
        #expect(code { _ = try Files.readPrivate(folder("key")) } == .permissions)
        #expect(try Files.read(folder("key")) == [1])
    }

    @Test func `a missing file is nil`() throws {
        #expect(try Files.read(folder("none")) == nil)
        #expect(try Files.readPrivate(folder("none")) == nil)
    }

    @Test func `a write that cannot happen leaves the old file and no other`() throws {
        #expect(code { try Files.writePrivate(folder("no/key"), [1]) } == .notFound)
        #expect(try Files.list(folder.path) == [])
    }

    @Test func `a private folder is made with its parents, and a file in its way is named`() throws {
        let path = folder("a/b")
        try Files.createPrivateFolder(path)
        try Files.createPrivateFolder(path)
        #expect(folder.mode("a") == 0o700)
        #expect(folder.mode("a/b") == 0o700)
        rmdir(path)
        rmdir(folder("a"))
        try folder.write("file", [])
        #expect(code { try Files.createPrivateFolder(folder("file")) } == .constraint)
    }

    @Test func `the reserve takes its space and gives it back`() throws {
        let reserve = ReserveFile(path: folder("reserve"), bytes: 65_536)
        #expect(reserve.fill())
        #expect(reserve.fill())
        #expect(try Files.read(folder("reserve"))?.count == 65_536)
        reserve.release()
        reserve.release()
        #expect(!Files.exists(folder("reserve")))
    }
}

@Suite struct FolderLockTests {
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `a second holder is refused with the first one's pid`() throws {
        let first = try FolderLock(folder: folder.path)
        let error = #expect(throws: StoreError.self) { try FolderLock(folder: folder.path) }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("pid \(getpid()))") == true)
        first.release()
        let second = try FolderLock(folder: folder.path)
        first.release()
        #expect(code { _ = try FolderLock(folder: folder.path) } == .locked)
        second.release()
    }

    @Test func `a lock ends with its value`() throws {
        do { _ = try FolderLock(folder: folder.path) }
        _ = try FolderLock(folder: folder.path)
    }

    @Test func `a folder that is not there is named`() throws {
        #expect(code { _ = try FolderLock(folder: folder("none")) } == .notFound)
    }
}
