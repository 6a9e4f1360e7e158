package pixelzoo

import (
	"context"
	"io"

	v1 "pixelzoo/v1"
)

// Progress is how far a request has come; steps are summed over its pictures.
type Progress = v1.Progress

// Stream brings events while the server works:
//
//	defer stream.Close()
//	for stream.Next() {
//		switch event := stream.Event().(type) {
//		case *pixelzoo.Progress: // event.Step of event.Steps
//		case *pixelzoo.Preview:  // an unfinished picture
//		case *pixelzoo.Picture:  // a finished one
//		}
//	}
//	err := stream.Err()
type Stream struct {
	receive func() (interface{}, error)
	cancel  context.CancelFunc
	event   interface{}
	err     error
}

// Next waits for the next event, and says whether there is one.
func (s *Stream) Next() bool {
	s.event = nil
	for s.event == nil && s.err == nil { // Events that are newer than this client are nil: they are skipped.
		s.event, s.err = s.receive()
	}
	return s.err == nil
}

// Event is a *Progress, a *Preview or a *Picture.
func (s *Stream) Event() interface{} { return s.event }

// Err is the *Error that ended the stream, or nil if it came to its end.
func (s *Stream) Err() error {
	if s.err == nil || s.err == io.EOF {
		return nil
	}
	return FromStatus(s.err)
}

// Close ends the call, and the server's work on it; after the end it does nothing.
func (s *Stream) Close() { s.cancel() }

// failed is a stream of a request that was not sent.
func failed(err error) *Stream { return &Stream{err: err, cancel: func() {}} }

// StreamSample draws new pictures and tells of them on the way. Close the stream when you leave it.
func (c *Client) StreamSample(ctx context.Context, model string, options *SampleOptions) *Stream {
	sample, err := options.request(model)
	if err != nil {
		return failed(within("sample", err))
	}
	request := &v1.StreamSampleRequest{Sample: sample, PreviewInterval: options.previewInterval()}
	ctx, cancel := context.WithCancel(ctx)
	replies, err := c.Sampling.StreamSample(ctx, request)
	return &Stream{err: err, cancel: cancel, receive: func() (interface{}, error) {
		reply, err := replies.Recv()
		if err != nil {
			return nil, err
		}
		switch event := reply.Event.(type) {
		case *v1.StreamSampleResponse_Progress:
			return event.Progress, nil
		case *v1.StreamSampleResponse_Preview:
			return preview(event.Preview), nil
		case *v1.StreamSampleResponse_Image:
			return generated(event.Image), nil
		}
		return nil, nil
	}}
}

// StreamTranslate makes pictures from pictures and tells of them on the way. Close the stream when you leave it.
func (c *Client) StreamTranslate(
	ctx context.Context, model string, pictures []Input, options *TranslateOptions,
) *Stream {
	translate, err := options.request(model, pictures)
	if err != nil {
		return failed(within("translate", err))
	}
	request := &v1.StreamTranslateRequest{Translate: translate, PreviewInterval: options.previewInterval()}
	ctx, cancel := context.WithCancel(ctx)
	replies, err := c.Translation.StreamTranslate(ctx, request)
	return &Stream{err: err, cancel: cancel, receive: func() (interface{}, error) {
		reply, err := replies.Recv()
		if err != nil {
			return nil, err
		}
		switch event := reply.Event.(type) {
		case *v1.StreamTranslateResponse_Progress:
			return event.Progress, nil
		case *v1.StreamTranslateResponse_Preview:
			return preview(event.Preview), nil
		case *v1.StreamTranslateResponse_Image:
			return translated(event.Image), nil
		}
		return nil, nil
	}}
}
