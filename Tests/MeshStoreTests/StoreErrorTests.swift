import Glibc
import Testing

@testable import MeshStore

@Suite struct StoreErrorTests {
    /// Extended codes of https://www.sqlite.org/rescode.html with the system's error number.
    @Test(
        arguments: [
            (1034, 0, StoreError.Code.ioError, true),  // IOERR_FSYNC
            (1034, ENOSPC, .ioError, true), (1290, ENOSPC, .ioError, true),  // IOERR_FSYNC, IOERR_DIR_FSYNC
            (778, EIO, .ioError, true), (778, EDQUOT, .full, false),  // IOERR_WRITE
            (4874, ENOSPC, .full, false), (4874, EIO, .ioError, true),  // IOERR_SHMSIZE
            (266, ENOSPC, .ioError, true),  // IOERR_READ
            (13, 0, .full, false), (11, 0, .corrupt, true), (267, 0, .corrupt, true), (26, 0, .corrupt, true),
            (5, 0, .busy, false), (517, 0, .busy, false), (6, 0, .busy, false), (14, 0, .ioError, true),
            (2067, 0, .constraint, false), (21, 0, .misuse, false), (25, 0, .misuse, false),
            (8, 0, .readOnly, false), (7, 0, .other, false),
        ] as [(Int32, Int32, StoreError.Code, Bool)])
    func `a result has its kind, and a failed sync is always fatal`(
        result: Int32, system: Int32, code: StoreError.Code, isFatal: Bool
    ) {
        #expect(StoreError.code(result, systemError: system) == code)
        #expect(StoreError(code, "x").isFatal == isFatal)
    }
}
