// A loop over blocks of rows with addresses: the body's instructions, and which slots move from block to block.
import Tensors

/// Executes a body once for every block of rows.
final class RowLoopCode {
    /// A slot that shows the rows of the present block.
    struct View {
        let slot: Int
        /// Bytes from one block to the next.
        let stride: Int
    }

    /// A slot that holds a sum over rows; the part of the present block is computed beside it.
    struct Total {
        let slot: Int
        let count: Int
        /// Bytes from the total to the part.
        let offset: Int
    }

    /// Bytes of a view from which on the next block is asked for; the processor foresees less by itself.
    private static let leastAhead = 1 << 15

    /// Executed once, before the first block.
    private let layouts: [Instruction]
    private let wholeBlocks: Int
    private let whole: [Instruction]
    /// For the rows that no whole block holds; empty where there are none.
    private let rest: [Instruction]
    private let views: [View]
    private let totals: [Total]

    init(
        layouts: [Instruction], wholeBlocks: Int, whole: [Instruction], rest: [Instruction], views: [View],
        totals: [Total]
    ) {
        self.layouts = layouts
        self.wholeBlocks = wholeBlocks
        self.whole = whole
        self.rest = rest
        self.views = views
        self.totals = totals
    }

    /// Runs the loop, moving pointers as it goes and putting them back.
    func run(
        _ precision: Precision, pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        scratch: UnsafeMutableRawPointer, ahead: PrefetchQueue
    ) {
        let kernels = Kernels(precision)
        for total in totals {
            kernels.zero(pointers[total.slot]!, count: total.count)
            pointers[total.slot]! += total.offset
        }
        func run(_ code: [Instruction]) {
            code.withUnsafeBufferPointer {
                execute($0, precision, pointers: pointers, scratch: scratch, ahead: ahead)
            }
        }
        func block(_ code: [Instruction]) {
            run(code)
            for total in totals {
                let part = pointers[total.slot]!
                kernels.axpy(1, part, part - total.offset, count: total.count)
            }
        }
        run(layouts)
        for index in 0..<wholeBlocks {
            if index + 1 < wholeBlocks {
                ahead.clear()
                for view in views where view.stride >= Self.leastAhead {
                    ahead.add(pointers[view.slot]! + view.stride, bytes: view.stride)
                }
            }
            block(whole)
            for view in views { pointers[view.slot]! += view.stride }
        }
        if !rest.isEmpty { block(rest) }
        for view in views { pointers[view.slot]! -= view.stride * wholeBlocks }
        for total in totals { pointers[total.slot]! -= total.offset }
    }
}
