// Why a folder cannot be served, and what SQLite's result codes mean to the queue.
import GRDB
import Glibc
import JobQueue

/// Why a store does not open.
package enum SQLiteStoreError: Error, Hashable, Sendable {
    /// Another server holds the folder's lock.
    case folderInUse(String)
    /// A system call on a file of the folder failed.
    case system(call: String, path: String, errno: Int32)
    /// The file is not a database, or one of another program.
    case foreignFile(String)
    /// A newer version of the program wrote the database.
    case newerSchema(String, known: [String])
    /// SQLite could not open, read or migrate the database.
    case storage(String, StorageFault)
}

extension SQLiteStoreError: CustomStringConvertible {
    /// A clause without a full stop.
    package var description: String {
        switch self {
        case .folderInUse: "another server works in it"
        case .system(let call, let path, let code): "\(call) \(path): \(String(cString: strerror(code)))"
        case .foreignFile(let path): "\(path) is not a database of this program"
        case .newerSchema(let path, _): "\(path) was written by a newer version of this program"
        case .storage(let path, .full): "\(path): the disk is full"
        case .storage(let path, .readOnly): "\(path) can only be read"
        case .storage(let path, .corrupt(let message)): "\(path) is damaged: \(message)"
        case .storage(let path, .busy): "\(path) is in another program's hands"
        case .storage(let path, .failed(let code, let message)): "\(path): \(message) (SQLite's code \(code))"
        }
    }
}

extension StorageFault {
    /// The fault behind a result code of SQLite.
    package init(_ error: DatabaseError) {
        let message = error.message ?? "no message"
        self =
            switch error.resultCode {
            case .SQLITE_FULL: .full
            case .SQLITE_READONLY: .readOnly
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt(message)
            case .SQLITE_BUSY, .SQLITE_LOCKED: .busy
            default: .failed(code: Int(error.extendedResultCode.rawValue), message: message)
            }
    }
}

extension JobStoreError {
    /// Passes the queue's own errors on and names the database's; a misuse of rows is a fault of the storage too.
    init(_ error: any Error) {
        if let error = error as? JobStoreError {
            self = error
        } else if let error = error as? DatabaseError {
            // A misuse is how GRDB answers on a connection that has been closed.
            self = error.resultCode == .SQLITE_MISUSE ? .closed : .storage(StorageFault(error))
        } else {
            self = .storage(.corrupt(String(describing: error)))
        }
    }
}
