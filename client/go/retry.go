package pixelzoo

import (
	"context"
	"io"
	"math/rand"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// gRPC has retries of its own, but before 1.40, as in Debian 12, for those programs only that are started with
// GRPC_GO_RETRY=on. So these are used instead.
const (
	maxAttempts    = 4
	initialBackoff = 200 * time.Millisecond
	maxTokens      = 1000
)

// retries sends calls again that failed with UNAVAILABLE before anything of their reply arrived: it says that the
// server did not take the call on, or went away.
//
// A server that goes away fails every call in flight at once, and repetitions end when half of the tokens are gone, so
// there are far more of them than calls. Each success gives one back.
type retries struct {
	mutex  sync.Mutex
	tokens int
	closed <-chan struct{} // Closed when nothing shall be sent any more.
}

func newRetries(closed <-chan struct{}) *retries { return &retries{tokens: maxTokens, closed: closed} }

// call is a grpc.UnaryClientInterceptor.
func (r *retries) call(
	ctx context.Context, method string, request, reply interface{}, connection *grpc.ClientConn,
	invoker grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	for attempt := 1; ; attempt++ {
		err := invoker(ctx, method, request, reply, connection, options...)
		if !r.again(err, attempt) {
			return err
		}
		if err := r.wait(ctx, attempt); err != nil {
			return err
		}
	}
}

// stream is a grpc.StreamClientInterceptor.
func (r *retries) stream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	streamer grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	open := func() (grpc.ClientStream, error) { return streamer(ctx, description, connection, method, options...) }
	if description.ClientStreams {
		return open()
	}
	for attempt := 1; ; attempt++ {
		opened, err := open()
		if err == nil {
			return &repeatedStream{ClientStream: opened, retries: r, ctx: ctx, open: open, attempt: attempt}, nil
		}
		if !r.again(err, attempt) {
			return nil, err
		}
		if err := r.wait(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

// repeatedStream is a stream of replies to one request, which it sends again as long as no reply has arrived.
type repeatedStream struct {
	grpc.ClientStream
	retries *retries
	ctx     context.Context // That of the stream itself ends with an attempt.
	open    func() (grpc.ClientStream, error)
	request interface{}
	attempt int
	arrived bool
}

func (s *repeatedStream) SendMsg(request interface{}) error {
	s.request = request
	return s.ClientStream.SendMsg(request)
}

func (s *repeatedStream) RecvMsg(reply interface{}) error {
	err := s.ClientStream.RecvMsg(reply)
	for ; err != nil && err != io.EOF && !s.arrived && s.retries.again(err, s.attempt); s.attempt++ {
		if err := s.retries.wait(s.ctx, s.attempt); err != nil {
			return err
		}
		err = s.receiveAnew(reply)
	}
	if err == nil && !s.arrived {
		s.retries.again(nil, s.attempt)
	}
	s.arrived = true
	return err
}

func (s *repeatedStream) receiveAnew(reply interface{}) error {
	opened, err := s.open()
	if err != nil {
		return err
	}
	s.ClientStream = opened
	// io.EOF says that the stream has failed; RecvMsg says why.
	if err := opened.SendMsg(s.request); err != nil && err != io.EOF {
		return err
	}
	if err := opened.CloseSend(); err != nil {
		return err
	}
	return opened.RecvMsg(reply)
}

// again counts how the attempt ended, and says whether there shall be another.
func (r *retries) again(err error, attempt int) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if status.Code(err) != codes.Unavailable {
		if err == nil && r.tokens < maxTokens {
			r.tokens++
		}
		return false
	}
	if r.tokens > 0 {
		r.tokens--
	}
	return attempt < maxAttempts && r.tokens > maxTokens/2
}

// wait takes 0.2, 0.4 and 0.8 seconds, each varied by 20 %, so that clients do not come back all at once.
func (r *retries) wait(ctx context.Context, attempt int) error {
	backoff := float64(initialBackoff<<(attempt-1)) * (0.8 + 0.4*rand.Float64())
	timer := time.NewTimer(time.Duration(backoff))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.closed:
		return grpc.ErrClientConnClosing
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
